/** Who may do what: rules as a Role has them (kubernetes.io/docs/reference/access-authn-authz/rbac). */
import { Refused } from './status.ts';

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface Wish {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string;
  readonly namespace: string;
}

export const everything: readonly Rule[] = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];

const has = (all: readonly string[], one: string): boolean => all.includes(one) || all.includes('*');

/** "If resourceNames are set, then the verb must not be list, watch, create, or deletecollection." */
export const allows = (rules: readonly Rule[], { verb, group, resource, name }: Wish): boolean =>
  rules.some(
    (rule) =>
      has(rule.apiGroups, group) &&
      has(rule.resources, resource) &&
      has(rule.verbs, verb) &&
      (rule.resourceNames === undefined || (verb !== 'create' && rule.resourceNames.includes(name))),
  );

export function demand(rules: readonly Rule[], wish: Wish, user: string): void {
  if (allows(rules, wish)) return;
  const { verb, group, resource, name, namespace } = wish;
  const what = `cannot ${verb} resource "${resource}" in API group "${group}" in the namespace "${namespace}"`;
  throw new Refused(403, 'Forbidden', `${resource} "${name}" is forbidden: User "${user}" ${what}`, {
    name,
    kind: resource,
  });
}
