/** Where Prometheus' rules are, and their tests. */
import { join } from 'node:path';

const directory = join(import.meta.dirname, '..', '..', 'config', 'prometheus');
export const rulesFile = join(directory, 'leasekeeper.rules.yml');
export const testsFile = join(directory, 'leasekeeper.rules.test.yml');
