// Knows: how a stored student serves completions, with its initial or its final weights, through a generator that is kept for the next request.
import type { CompletionRequest } from '../../src/domain/completion-request.ts'
import { finalWeights } from '../../src/engine/training/checkpoint.ts'
import type { Generator, GenerateRequest } from '../../src/engine/generation/generator.ts'
import { makeStudentWeights } from '../../src/engine/training/student-weights.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { Call } from '../../src/protocol/contract.ts'
import type { GenerationEvent, GenerationSummary } from '../../src/protocol/teacher.ts'
import type { StudentContract } from '../../src/protocol/student.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { withGenerationContext, loadFloats, loadMerged } from './base-model.ts'
import { ClassGenerator } from './class-generator.ts'
import { withNamedErrors } from './named-errors.ts'
import { renderAsStudent, renderByTemplate, type Rendering } from './rendering.ts'
import { requireStoredStudent, readInitialWeights, type StoredStudent } from './stored-student.ts'
import type { StudentStores } from './stores.ts'
import { openFastGenerator, type StudentMachine } from './student-generator.ts'

export type CompleteRequest = Parameters<StudentContract['complete']>[0]

interface OpenStudent {
  readonly key: string
  readonly generator: StudentGenerator
  readonly tokenizer: TextTokenizer
  readonly rendering: Rendering
}
/** The engine's generator, or that of a classification student. */
type StudentGenerator = Pick<Generator, 'generate' | 'release'>

/** Serves one student at a time; a request for another student unloads the earlier one. */
export class StudentCompleter {
  readonly #stores: StudentStores
  readonly #machine: StudentMachine
  #open: OpenStudent | undefined
  #queue: Promise<unknown> = Promise.resolve()

  constructor(stores: StudentStores, machine: StudentMachine) {
    this.#stores = stores
    this.#machine = machine
  }

  /** Emits each completion as it ends. Throws ModelMissing if the student has no checkpoint, ModelRefused if it is corrupt. */
  complete(request: CompleteRequest, call: Call<GenerationEvent>): Promise<GenerationSummary> {
    const next = this.#queue.then(() =>
      withNamedErrors('generating with the student', () => this.#complete(request, call)),
    )
    this.#queue = next.catch(() => undefined)
    return next
  }

  /** Unloads the open student: its memory is needed, or its checkpoint changed. */
  close(): Promise<void> {
    const next = this.#queue.then(() => this.#unload())
    this.#queue = next.catch(() => undefined)
    return next
  }

  async #unload(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.generator.release()
  }

  async #complete(
    request: CompleteRequest,
    { signal, emit }: Call<GenerationEvent>,
  ): Promise<GenerationSummary> {
    const { generator, tokenizer, rendering } = await this.#openStudent(request)
    const requests = request.requests.map(({ id, input, sampling }): GenerateRequest => ({
      id,
      tokens: tokensOf(input, tokenizer, rendering),
      sampling,
    }))
    return generator.generate(requests, {
      signal,
      onProgress: ({ promptTokens, newTokens, ms }) =>
        emit({ kind: 'progress', promptTokens, newTokens, ms }),
      onPartial: (id, text) => emit({ kind: 'partial', id, text }),
      // A prompt longer than a student's small context is no error: its completion is empty.
      onResult: ({ id, text, finishReason, promptTokens, tokens }) =>
        emit({ kind: 'completion', result: { id, text, finishReason, promptTokens, tokens: tokens.length } }),
    })
  }

  async #openStudent({ projectId, studentId, which }: CompleteRequest): Promise<OpenStudent> {
    const stored = await requireStoredStudent(this.#stores, projectId, studentId)
    const {
      checkpoint: { state },
      tokenizer,
      baseModel,
    } = stored
    const key = `${projectId} ${studentId} ${which} ${state.step}`
    if (this.#open?.key === key) return this.#open
    await this.#unload()
    const generator = await (baseModel
      ? this.#openAdapted(stored, which)
      : this.#openOwn(stored, which, projectId))
    this.#open = {
      key,
      tokenizer,
      generator,
      rendering: baseModel ? renderByTemplate(tokenizer) : renderAsStudent(tokenizer),
    }
    return this.#open
  }

  async #openOwn(
    stored: StoredStudent,
    which: CompleteRequest['which'],
    projectId: CompleteRequest['projectId'],
  ): Promise<StudentGenerator> {
    const {
      checkpoint,
      tokenizer,
      about: { classes },
    } = stored
    const weights =
      which === 'before'
        ? await readInitialWeights({ stores: this.#stores, projectId }, stored)
        : finalWeights(checkpoint)
    const { shape } = checkpoint
    return classes
      ? new ClassGenerator(await this.#machine.openRuntime(), { shape, weights, classes })
      : openFastGenerator(this.#machine, makeStudentWeights(shape, weights), tokenizer)
  }

  /** Before: the imported model alone. After: with the adapters merged in. */
  async #openAdapted(
    { baseModel, checkpoint, tokenizer }: StoredStudent,
    which: CompleteRequest['which'],
  ): Promise<Generator> {
    if (!baseModel || !checkpoint.adapts) throw new TypeError('this student has no adapters')
    const shape = withGenerationContext(baseModel.shape)
    const weights =
      which === 'before'
        ? { ...(await loadFloats(baseModel)), shape }
        : makeStudentWeights(shape, await loadMerged(baseModel, checkpoint.adapts, finalWeights(checkpoint)))
    return openFastGenerator(this.#machine, weights, tokenizer)
  }
}

function tokensOf(
  input: CompletionRequest['input'],
  tokenizer: TextTokenizer,
  rendering: Rendering,
): number[] {
  switch (input.kind) {
    case 'raw':
      return tokenizer.encode(input.text)
    case 'chat': {
      const messages = input.messages.filter(({ role, content }) => role !== 'system' || content !== '')
      if (messages.length === 0) throw new RetortError('Unexpected', 'The chat for the student is empty.')
      return rendering.prompt(messages)
    }
    default:
      return input satisfies never
  }
}
