/** Every sink we ship that can be configured, one line each. `memory` is for our own tokens and cannot. */
import { file } from './file.ts';

export const sinks = [file] as const;
