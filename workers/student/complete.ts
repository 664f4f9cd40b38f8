// Knows: how a stored student answers: with its first weights or its last, through a generator kept for the next question.
import type { CompletionRequest } from '../../src/domain/model.ts'
import { finalWeights } from '../../src/engine/training/checkpoint.ts'
import type { Generator, GenerateRequest } from '../../src/engine/generation/generator.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { Call } from '../../src/protocol/contract.ts'
import type { GenerationEvent, GenerationSummary } from '../../src/protocol/teacher.ts'
import type { StudentContract } from '../../src/protocol/student.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { forWriting, loadFloats, loadMerged } from './adapted-model.ts'
import { ClassAnswers } from './answer-classes.ts'
import { withNamedFaults } from './faults.ts'
import { renderAsStudent, renderByTemplate, type Rendering } from './rendering.ts'
import { needStoredStudent, readBeginning, type StoredStudent } from './stored-student.ts'
import type { StudentStores } from './stores.ts'
import { openLoadedWriter, openWriter } from './write-texts.ts'

export type CompleteRequest = Parameters<StudentContract['complete']>[0]

interface Open {
  readonly key: string
  readonly answering: Answering
  readonly tokenizer: TextTokenizer
  readonly rendering: Rendering
}
/** What answers: a generator, or a student of classes. */
type Answering = Pick<Generator, 'generate' | 'release'>

/** Completes with one student at a time; asking for another lets the earlier one go. */
export class StudentWriter {
  readonly #stores: StudentStores
  readonly #openRuntime: () => Promise<Runtime>
  #open: Open | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(stores: StudentStores, openRuntime: () => Promise<Runtime>) {
    this.#stores = stores
    this.#openRuntime = openRuntime
  }

  /** Tells each completion as it ends. Throws ModelMissing where the student has no checkpoint, ModelRefused where it is broken. */
  complete(request: CompleteRequest, call: Call<GenerationEvent>): Promise<GenerationSummary> {
    const next = this.#turn.then(() =>
      withNamedFaults('the student wrote', () => this.#complete(request, call)),
    )
    this.#turn = next.catch(() => undefined)
    return next
  }

  /** Lets the open student go: its memory is wanted, or its checkpoint has changed. */
  close(): Promise<void> {
    const next = this.#turn.then(() => this.#drop())
    this.#turn = next.catch(() => undefined)
    return next
  }

  async #drop(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.answering.release()
  }

  async #complete(
    request: CompleteRequest,
    { signal, emit }: Call<GenerationEvent>,
  ): Promise<GenerationSummary> {
    const { answering, tokenizer, rendering } = await this.#openStudent(request)
    const wanted = request.requests.map(({ id, asked, sampling }): GenerateRequest => ({
      id,
      tokens: tokensOf(asked, tokenizer, rendering),
      sampling,
    }))
    return answering.generate(wanted, {
      signal,
      onProgress: ({ promptTokens, newTokens, ms }) =>
        emit({ kind: 'progress', promptTokens, newTokens, ms }),
      onPartial: (id, text) => emit({ kind: 'partial', id, text }),
      // A prompt longer than a student's small context is part of life: it has no answer, and the row says so by being empty.
      onResult: ({ id, text, ending, promptTokens, tokens }) =>
        emit({ kind: 'completion', result: { id, text, ending, promptTokens, tokens: tokens.length } }),
    })
  }

  async #openStudent({ projectId, studentId, which }: CompleteRequest): Promise<Open> {
    const stored = await needStoredStudent(this.#stores, projectId, studentId)
    const {
      checkpoint: { state },
      tokenizer,
      on,
    } = stored
    const key = `${projectId} ${studentId} ${which} ${state.step}`
    if (this.#open?.key === key) return this.#open
    await this.#drop()
    const runtime = await this.#openRuntime()
    const answering = await (on
      ? this.#openAdapted(runtime, stored, which)
      : this.#openOwn(runtime, stored, which, projectId))
    this.#open = {
      key,
      tokenizer,
      answering,
      rendering: on ? renderByTemplate(tokenizer) : renderAsStudent(tokenizer),
    }
    return this.#open
  }

  async #openOwn(
    runtime: Runtime,
    stored: StoredStudent,
    which: CompleteRequest['which'],
    projectId: CompleteRequest['projectId'],
  ): Promise<Answering> {
    const {
      checkpoint,
      tokenizer,
      about: { classes },
    } = stored
    const weights =
      which === 'before'
        ? await readBeginning({ stores: this.#stores, projectId }, stored)
        : finalWeights(checkpoint)
    const { shape } = checkpoint
    return classes
      ? new ClassAnswers(runtime, { shape, weights, classes })
      : openWriter(runtime, { shape, weights, tokenizer })
  }

  /** Before: the imported model as it is. After: with the adapters merged in. */
  async #openAdapted(
    runtime: Runtime,
    { on, checkpoint, tokenizer }: StoredStudent,
    which: CompleteRequest['which'],
  ): Promise<Generator> {
    if (!on || !checkpoint.adapts) throw new TypeError('this student is no adapters')
    if (which === 'before') return openLoadedWriter(runtime, await loadFloats(on), tokenizer)
    return openWriter(runtime, {
      shape: forWriting(on.shape),
      weights: await loadMerged(on, checkpoint.adapts, finalWeights(checkpoint)),
      tokenizer,
    })
  }
}

function tokensOf(
  asked: CompletionRequest['asked'],
  tokenizer: TextTokenizer,
  rendering: Rendering,
): number[] {
  switch (asked.kind) {
    case 'raw':
      return tokenizer.encode(asked.text)
    case 'chat': {
      const known = asked.messages.filter(({ role, content }) => role !== 'system' || content !== '')
      if (known.length === 0) throw new RetortError('Unexpected', 'A student was asked an empty chat.')
      return rendering.prompt(known)
    }
    default:
      return asked satisfies never
  }
}
