/** A server of a time to come: it proves its key, and says words that no program of today knows. */

import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Tomorrow {
  private constructor(
    private readonly server: Server,
    /** To any room of it, with the key that it has. */
    readonly link: string,
  ) {}

  static async start(): Promise<Tomorrow> {
    const folder = await mkdtemp(join(tmpdir(), 'conclave-tomorrow-'));
    const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: folder });
    await openssl('req', '-x509', ...CURVE, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=tomorrow');
    await openssl('req', ...CURVE, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=localhost');
    await writeFile(join(folder, 'leaf.ext'), 'basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1\n');
    const sign = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'leaf.ext'];
    await openssl('x509', '-req', '-in', 'leaf.csr', ...sign, '-days', '1', '-out', 'leaf.crt');
    const [ca, leaf, key] = await Promise.all(['ca.crt', 'leaf.crt', 'leaf.key'].map((file) => readFile(join(folder, file))));
    await rm(folder, { recursive: true, force: true });
    if (ca === undefined || leaf === undefined || key === undefined) throw new Error('no certificates');

    const server = createServer({ key, cert: Buffer.concat([leaf, ca]) }, (request, response) => {
      const words = request.url === '/api/server' ? { version: '99.0.0' } : { told: 'in words of tomorrow' };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(words));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const spki = new X509Certificate(ca).publicKey.export({ type: 'spki', format: 'der' });
    const fingerprint = createHash('sha256').update(spki).digest('base64url');
    return new Tomorrow(server, `https://127.0.0.1:${port}/r/physics#k=${fingerprint}`);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}
