/** What the configuration may say of the static secrets of a folder. */
import { z } from 'zod';
import { duration } from '../../config/values.ts';
import { seconds } from '../../core/time.ts';
import type { Demand, Remark } from '../define.ts';
import { passwordOptions, refineRules } from '../password.ts';

const text = z.string().trim().min(1);

/** The trailing slash means nothing. */
export const secretPath = z
  .string()
  .regex(/^\//, 'a path starts with /: write it from the root of the environment on')
  .transform((path) => path.replace(/(?<=.)\/+$/, ''))
  .default('/');

/** As the server takes it for one. */
const key = text.regex(/^[^\s:/]+$/, 'not the name of a secret: it has no space, : or /');

/** How we make the values of one of them. */
const generate = z
  .strictObject({
    by: z.literal('leasekeeper'),
    key: key.describe('The secret that gets the new values; the others are followed'),
    ...passwordOptions,
  })
  .superRefine(refineRules);

export const secretsOptions = {
  project: text.optional().describe('Slug of the project; or projectId'),
  projectId: text
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'not the id of a project: copy it from its settings')
    .optional()
    .describe('Id of the project, in the place of its slug'),
  environment: text.describe('Slug of the environment'),
  secretPath: secretPath.describe('The folder'),
  recursive: z
    .boolean()
    .default(false)
    .describe('The folders below it as well. One key with two values among them is refused. Default: false'),
  imports: z
    .boolean()
    .default(true)
    .describe(
      'What the folder imports as well: its own secrets win over these, and of imports the last. Default: true',
    ),
  expandReferences: z
    .boolean()
    .default(true)
    .describe('References to other secrets are replaced by what these are. Default: true'),
  names: z
    .array(key)
    .min(1, 'nothing is left: name at least one, or remove it')
    .optional()
    .describe('Only these secrets, all of which have to be there. Default: whatever is there'),
  allowEmpty: z
    .boolean()
    .default(false)
    .describe('Nothing at all is right too. Default: what is there no more, or is not found, stays. Default: false'),
  poll: duration
    .refine((poll) => poll >= seconds(1), 'too often: 1s or more')
    .prefault('1m')
    .describe('How often the folder is asked for, once for all secrets that are taken from it. Default: 1m'),
  generate: generate
    .optional()
    .describe('One of them is given new values by us, by the policy. Default: others change all of them'),
};

type Options = z.output<z.ZodObject<typeof secretsOptions>>;

/** Options that are each right, but not together. */
export function faultsOf({ project, projectId, recursive, names, generate }: Options): readonly Remark[] {
  const faults: Remark[] = [];
  if (project === undefined && projectId === undefined) {
    faults.push({ at: 'project', message: 'missing: write the slug of the project, or its projectId' });
  }
  if (project !== undefined && projectId !== undefined) {
    faults.push({ at: 'projectId', message: 'the project is named already: remove one of project and projectId' });
  }
  if (generate && recursive) {
    faults.push({
      at: 'recursive',
      message: 'a secret is rotated in the folder that it lies in: name that one by secretPath, without recursive',
    });
  }
  if (generate && names?.includes(generate.key) === false) {
    faults.push({ at: 'names', message: `${generate.key} is to be generated, and is not among them: add it` });
  }
  return faults;
}

export function warningsOf({ recursive, names, generate }: Options): readonly Remark[] {
  const warnings: Remark[] = [];
  if (recursive && names === undefined) {
    warnings.push({
      at: 'recursive',
      message:
        'what the identity may not read in a folder below is left out by the server without a word:' +
        ' name by names what has to be there',
    });
  }
  if (generate) {
    warnings.push({
      at: 'generate',
      message:
        `each rotation changes ${generate.key} for everybody who reads it, at once:` +
        ' be sure that all of them follow it',
    });
  }
  return warnings;
}

/** One folder that is listed in one way is asked for once, whoever takes of it. */
export const demandsOf = ({ poll, names: _, allowEmpty: __, generate: ___, ...place }: Options): readonly Demand[] => [
  { kind: 'secret-list', every: poll, shared: JSON.stringify(place) },
];
