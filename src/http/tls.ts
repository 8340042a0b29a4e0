/** What a user may say about a TLS connection that we open. */
import { z } from 'zod';

const pem = z.string().trim().min(1).describe('A file in PEM; read again when it changes');

export const tls = z
  .strictObject({
    ca: pem.optional().describe('CAs to trust instead of the ones this machine trusts'),
    cert: pem.optional().describe('Our own certificate'),
    key: pem.optional().describe('Its key'),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    message: 'a client certificate needs both: cert and key',
  });
