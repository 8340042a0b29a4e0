/** The kinds of panels that the dashboard is made of, each with what they have in common. */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import type * as common from '@grafana/grafana-foundation-sdk/common';
import { LegendDisplayMode, LegendPlacement, VizLegendOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import {
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

export const source: common.DataSourceRef = { type: 'prometheus', uid: '$datasource' };

/** What the reader of the dashboard has picked, of series of secrets and of all others. */
export const picked = 'instance=~"$instance",secret=~"$secret"';
export const here = 'instance=~"$instance"';

/** What each panel says of itself. */
export interface About {
  readonly title: string;
  /** For who has never seen it: what it shows, and what is bad. */
  readonly description: string;
  readonly unit: string;
  /** Of 24 columns. Default: 8. */
  readonly width?: number;
  readonly height?: number;
  readonly thresholds?: readonly Threshold[];
}

export interface Query {
  readonly expr: string;
  readonly legend?: string;
}

export const green: Threshold = { value: null, color: 'green' };
export const red: Threshold = { value: null, color: 'red' };

/** Of a value that is good as long as it is 0. */
export const zeroIsGood: readonly Threshold[] = [green, { value: 0.000_1, color: 'red' }];

/** Of a time that is left: red as soon as nothing is. */
export const left: readonly Threshold[] = [red, { value: 0, color: 'green' }];

const letters = 'ABCDEFGH';

const rangeQuery = ({ expr, legend = '' }: Query, i: number): Builder<Dataquery> =>
  new DataqueryBuilder().datasource(source).expr(expr).legendFormat(legend).refId(letters.charAt(i)).range();

const instantQuery = ({ expr, legend = '' }: Query, i: number): Builder<Dataquery> =>
  new DataqueryBuilder().datasource(source).expr(expr).legendFormat(legend).refId(letters.charAt(i)).instant();

const tableQuery = ({ expr }: Query, i: number): Builder<Dataquery> =>
  new DataqueryBuilder().datasource(source).expr(expr).format(PromQueryFormat.Table).refId(letters.charAt(i)).instant();

export const thresholdsOf = (steps: readonly Threshold[]) =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...steps]);

/** Lines over time. */
export function lines(about: About, ...queries: readonly Query[]): TimeseriesBuilder {
  return new TimeseriesBuilder()
    .title(about.title)
    .description(about.description)
    .datasource(source)
    .unit(about.unit)
    .span(about.width ?? 8)
    .height(about.height ?? 8)
    .lineWidth(1)
    .fillOpacity(10)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .thresholds(thresholdsOf(about.thresholds ?? [green]))
    .targets(queries.map(rangeQuery));
}

/** One number, or one for each series, as it is now. */
export function figure(about: About, query: Query): StatBuilder {
  return new StatBuilder()
    .title(about.title)
    .description(about.description)
    .datasource(source)
    .unit(about.unit)
    .span(about.width ?? 4)
    .height(about.height ?? 4)
    .thresholds(thresholdsOf(about.thresholds ?? [green]))
    .targets([instantQuery(query, 0)]);
}

/** A column of a table: the answer of one query, under a name. */
export interface Column extends Query {
  readonly name: string;
  readonly unit: string;
  readonly thresholds?: readonly Threshold[];
}

/** One line for each value of the label, one column for each query. */
export function table(about: Omit<About, 'unit'>, label: string, columns: readonly Column[]): TableBuilder {
  // With one query its value is called `Value`, with more of them by their letters.
  const fieldOf = (i: number) => (columns.length === 1 ? 'Value' : `Value #${letters.charAt(i)}`);
  const names = Object.fromEntries(columns.map(({ name }, i) => [fieldOf(i), name]));
  const builder = new TableBuilder()
    .title(about.title)
    .description(about.description)
    .datasource(source)
    .span(about.width ?? 24)
    .height(about.height ?? 9)
    .targets(columns.map(tableQuery))
    .transformations([
      ...(columns.length > 1 ? [{ id: 'joinByField', options: { byField: label, mode: 'outer' } }] : []),
      { id: 'organize', options: { excludeByName: timesOf(columns.length), renameByName: names, indexByName: {} } },
    ]);
  return columns.reduce((panel, { name, unit, thresholds }) => {
    const colours = thresholds && [
      { id: 'thresholds', value: { mode: ThresholdsMode.Absolute, steps: thresholds } },
      { id: 'custom.cellOptions', value: { type: 'color-text' } },
    ];
    return panel.overrideByName(name, [{ id: 'unit', value: unit }, ...(colours ?? [])]);
  }, builder);
}

/** When a query was answered is nobody's column. */
const timesOf = (queries: number): Readonly<Record<string, true>> =>
  Object.fromEntries(
    ['Time', ...Array.from({ length: queries }, (_, i) => `Time ${i + 1}`)].map((name) => [name, true]),
  );

export type AnyPanel = Builder<Panel>;
