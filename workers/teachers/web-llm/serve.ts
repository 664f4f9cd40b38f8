// Knows: WebLLM's contract, served by one model at a time.
// Must not know: the package (load.ts), the thread (workers/web-llm.ts).
import type { CompletionRequest, ScoreRequest } from '../../../src/domain/completion-request.ts'
import type { Served } from '../../../src/protocol/channel.ts'
import type { Call } from '../../../src/protocol/contract.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { GenerationEvent, LoadProgress } from '../../../src/protocol/teacher.ts'
import type { WebLlmContract, WebLlmLoad } from '../../../src/protocol/web-llm.ts'
import { useNetwork } from '../../network/fetch-beyond.ts'
import type { Teacher } from '../teacher.ts'

export function makeWebLlmService(
  load: (request: WebLlmLoad, call: Call<LoadProgress>) => Promise<Teacher>,
): Served<WebLlmContract> {
  let teacher: Teacher | undefined
  const requireTeacher = (): Teacher => {
    if (teacher === undefined)
      throw new RetortError('NotLoaded', 'WebLLM has no model loaded. Load one on the Teacher screen.')
    return teacher
  }
  const unload = async (): Promise<null> => {
    const old = teacher
    teacher = undefined
    await old?.release()
    return null
  }
  const reportProgress =
    (emit: (event: GenerationEvent) => void) =>
    ({ promptTokens, newTokens, ms }: { promptTokens: number; newTokens: number; ms: number }) =>
      emit({ kind: 'progress', promptTokens, newTokens, ms })

  return {
    load: async (request: WebLlmLoad, call: Call<LoadProgress>) => {
      await unload()
      teacher = await load(request, call)
      return teacher.description
    },
    useNetwork: async ({ port }: { port: MessagePort | null }) => {
      useNetwork(port)
      return null
    },
    unload,
    describe: async () => teacher?.description ?? null,
    complete: (
      { requests, partials }: { requests: readonly CompletionRequest[]; partials: boolean },
      { signal, emit }: Call<GenerationEvent>,
    ) =>
      requireTeacher().complete(requests, {
        signal,
        onResult: (result) => emit({ kind: 'completion', result }),
        onProgress: reportProgress(emit),
        ...(partials ? { onPartial: (id: string, text: string) => emit({ kind: 'partial', id, text }) } : {}),
      }),
    score: ({ requests }: { requests: readonly ScoreRequest[] }, { signal, emit }: Call<GenerationEvent>) =>
      requireTeacher().score(requests, {
        signal,
        onResult: (result) => emit({ kind: 'score', result }),
        onProgress: reportProgress(emit),
      }),
    countTokens: async ({ texts }: { texts: readonly string[] }) => requireTeacher().countTokens(texts),
  }
}
