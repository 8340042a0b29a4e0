/** `leasekeeper schema`: the JSON Schema of the configuration, for editors. */
import { shipped } from '../config/load.ts';
import { jsonSchema } from '../config/schema.ts';
import { exitCodes } from './exit-codes.ts';
import type { World } from './world.ts';

export async function schema({ out }: World): Promise<number> {
  out.write(schemaText());
  return exitCodes.done;
}

/** As it is kept in `config/leasekeeper.schema.json`. */
export const schemaText = (): string => `${JSON.stringify(jsonSchema(shipped), null, 2)}\n`;
