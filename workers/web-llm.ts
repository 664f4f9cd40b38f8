// Knows: WebLLM's contract, in its own worker: the package is six megabytes, and losing the graphics card ends its whole realm.
// A thin shell: teachers/web-llm/ does the work.
import { serveSelf } from '../src/protocol/serve-self.ts'
import type { WebLlmContract } from '../src/protocol/web-llm.ts'
import { routeDownloads } from './network/route-downloads.ts'
import { loadWebLlm } from './teachers/web-llm/load.ts'
import { makeWebLlmService } from './teachers/web-llm/serve.ts'

routeDownloads()
serveSelf<WebLlmContract>(makeWebLlmService(loadWebLlm))
