// A Bluesky server (PDS) with its own directory (PLC), as one process, for tests only.
// Usage: node server.mjs FOLDER PDS_PORT PLC_PORT. Prints "ready" once it answers.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { PDS, envToCfg, envToSecrets, readEnv } from '@atproto/pds'
import plc from '@did-plc/server'

const [folder, pdsPort, plcPort] = process.argv.slice(2)

// An application at https://port-1234.clients.dev is the one on this machine's port 1234: a client
// has to be on https, under a name.
const direct = globalThis.fetch
globalThis.fetch = (input, init) => {
  const url = typeof input === 'string' ? input : input.url ?? input.href
  const found = /^https:\/\/port-(\d+)\.clients\.dev(\/.*)$/.exec(url)
  return found ? direct(`http://127.0.0.1:${found[1]}${found[2]}`) : direct(input, init)
}

const secret = () => randomBytes(32).toString('hex')
for (const name of ['data/actors', 'blobs']) mkdirSync(join(folder, name), { recursive: true })

Object.assign(process.env, {
  PDS_HOSTNAME: 'localhost',
  PDS_PORT: pdsPort,
  PDS_DATA_DIRECTORY: join(folder, 'data'),
  PDS_BLOBSTORE_DISK_LOCATION: join(folder, 'blobs'),
  PDS_DID_PLC_URL: `http://localhost:${plcPort}`,
  PDS_DEV_MODE: 'true',
  PDS_INVITE_REQUIRED: 'false',
  PDS_SERVICE_HANDLE_DOMAINS: '.test',
  PDS_JWT_SECRET: secret(),
  PDS_ADMIN_PASSWORD: secret(),
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: secret(),
  PDS_RATE_LIMITS_ENABLED: 'false',
  LOG_ENABLED: 'false',
})

await plc.PlcServer.create({ db: plc.Database.mock(), port: Number(plcPort) }).start()
const environment = readEnv()
const pds = await PDS.create(envToCfg(environment), envToSecrets(environment))
await pds.start()
console.log('ready')
