/** A user name and a password within a URL, as a request shows them. */
import { unescape as decode } from 'node:querystring';

/** For the header. Absent where nothing stands before the `@`. A `%` that begins no escape is taken for itself. */
export function basicOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64')}`;
}
