/** `${NAME}` and `${NAME:-default}` in the strings of the configuration. */

export type Env = Readonly<Record<string, string | undefined>>;

export interface Filled {
  readonly text: string;
  /** Does any part of it come from outside the file? */
  readonly fromOutside: boolean;
  /** The names that are neither set nor given a default. */
  readonly unset: readonly string[];
  /** A `${` that starts no reference. */
  readonly malformed: boolean;
}

const reference = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?:(:-)([^}]*))?\})?/g;

/** `$${` stands for `${` itself. As in a shell, a default also serves where the variable is empty. What is filled in is not looked at again. */
export function fill(text: string, env: Env): Filled {
  const unset: string[] = [];
  let malformed = false;
  let fromOutside = false;
  const filled = text.replace(reference, (whole, name?: string, hasDefault?: string, otherwise?: string) => {
    if (whole === '$${') return '${';
    if (name === undefined) {
      malformed = true;
      return whole;
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && (value !== '' || hasDefault === undefined)) {
      fromOutside = true;
      return value;
    }
    if (hasDefault !== undefined) return otherwise ?? '';
    unset.push(name);
    return whole;
  });
  return { text: filled, fromOutside, unset, malformed };
}
