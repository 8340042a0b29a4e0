/** Every sink we ship that can be configured, one line each. `memory` is for our own tokens and cannot. */
import { directory } from './directory.ts';
import { exec } from './exec.ts';
import { file } from './file.ts';
import { kubernetesSecret } from './kubernetes-secret.ts';
import { redis } from './redis/redis.ts';
import { webhook } from './webhook/webhook.ts';

export const sinks = [file, directory, webhook, exec, redis, kubernetesSecret] as const;
