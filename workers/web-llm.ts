// Knows: WebLLM's contract, in a worker of its own: the package is six megabytes, and a lost graphics card takes its whole realm with it.
// A thin shell: the work is in teachers/web-llm/.
import { serveSelf } from '../src/protocol/serve-self.ts'
import type { WebLlmContract } from '../src/protocol/web-llm.ts'
import { loadWebLlm } from './teachers/web-llm/load.ts'
import { makeWebLlmService } from './teachers/web-llm/serve.ts'

serveSelf<WebLlmContract>(makeWebLlmService(loadWebLlm))
