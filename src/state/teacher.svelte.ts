// Knows: the model that is chosen, the one that is loaded, and what becomes of a question put to it. The worker holds one at a time,
// so there is one teacher for all projects.
import { inspectModel } from '../actions/inspect-model.ts'
import { loadTeacher } from '../actions/load-teacher.ts'
import { unloadTeacher } from '../actions/unload-teacher.ts'
import type { ProjectId } from '../domain/id.ts'
import type { Backend, ModelCard, ModelSource, TeacherDescription, WeightForm } from '../domain/model.ts'
import type { Problem } from '../domain/problem.ts'
import type { LoadProgress } from '../protocol/teacher.ts'
import { tellTimeLeft } from './pace.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'

/** Tokens of context unless the person says otherwise: enough for a growth prompt with its shots, little memory. */
const CONTEXT = 2048

export interface Choice {
  readonly source: ModelSource
  readonly name: string
}

/** Whether loading can leave a copy: not of what is kept already or comes with the page. */
const isKept = ({ kind }: ModelSource): boolean =>
  kind === 'file' || kind === 'files' || kind === 'url' || kind === 'hub'

export class Teacher {
  #description = $state.raw<TeacherDescription | undefined>()
  #choice = $state.raw<Choice | undefined>()
  #card = $state.raw<ModelCard | undefined>()
  #refusals = $state.raw<readonly Problem[]>([])
  #timeLeft = $state<number | undefined>()
  #answer = $state('')
  #asked = $state('')
  #inspection = $state.raw(new Task())
  backend = $state<Backend>('wasm')
  /** Keep a copy of files from disk, an address or a hub on this machine. */
  keep = $state(true)
  contextLength = $state(CONTEXT)
  /** How weights are to lie in memory; undefined: what is fastest where it fits. */
  weights = $state<WeightForm | undefined>()
  readonly loading = new Task<LoadProgress>()
  readonly asking = new Task()
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  /** The reading of the chosen model's header. Each choice has one of its own: a worker may take its time to give up an earlier one. */
  get inspection(): Task {
    return this.#inspection
  }
  /** The loaded model. */
  get description(): TeacherDescription | undefined {
    return this.#description
  }
  /** The chosen model, loaded or not. */
  get choice(): Choice | undefined {
    return this.#choice
  }
  /** What the chosen model says of itself; undefined while it is read or where it is refused. */
  get card(): ModelCard | undefined {
    return this.#card
  }
  get refusals(): readonly Problem[] {
    return this.#refusals
  }
  /** Milliseconds left of the present phase of loading. */
  get timeLeft(): number | undefined {
    return this.#timeLeft
  }
  /** What was asked in the little box, and the answer as it grows. */
  get asked(): string {
    return this.#asked
  }
  get answer(): string {
    return this.#answer
  }

  /** Reads the header of a model: gives its card, or the reason why it cannot be used. */
  async choose(source: ModelSource, name: string): Promise<void> {
    if (this.loading.going) return
    this.#inspection.stop()
    const inspection = (this.#inspection = new Task())
    const choice = { source, name }
    this.#choice = choice
    this.#card = undefined
    this.#refusals = []
    const inspected = await inspection.do((signal) => inspectModel(this.#around.machines, { source }, signal))
    if (this.#choice !== choice || inspected === undefined) return
    if (inspected.ok) {
      this.#card = inspected.value
      this.contextLength = Math.min(CONTEXT, inspected.value.contextLength ?? CONTEXT)
    } else this.#refusals = inspected.problems
  }

  forget(): void {
    this.#inspection.stop()
    this.#choice = undefined
    this.#card = undefined
    this.#refusals = []
  }

  /** Both at once, for a model that needs no looking at. */
  async chooseAndLoad({ source, name }: Choice, projectId: ProjectId): Promise<void> {
    await this.choose(source, name)
    if (this.#card !== undefined) await this.load(projectId)
  }

  async load(projectId: ProjectId): Promise<TeacherDescription | undefined> {
    const choice = this.#choice
    if (choice === undefined) return undefined
    const { backend, contextLength, weights } = this
    this.#answer = ''
    this.#asked = ''
    let phase = ''
    let since = 0
    const description = await this.loading.do(async (signal, report) => {
      const keep = this.keep && isKept(choice.source)
      const work = loadTeacher(
        this.#around.machines,
        {
          projectId,
          source: choice.source,
          backend,
          keep,
          contextLength,
          ...(weights === undefined ? {} : { weights }),
        },
        signal,
      )
      this.#description = undefined // the worker lets an earlier one go first
      for (;;) {
        const next = await work.next()
        if (next.done) return next.value
        if (next.value.phase !== phase) {
          phase = next.value.phase
          since = performance.now()
        }
        this.#timeLeft = tellTimeLeft(next.value.done, next.value.total, performance.now() - since)
        report(next.value)
      }
    })
    this.#description = description
    if (description === undefined) await this.sync()
    else if (this.keep && isKept(choice.source))
      this.#choice = {
        source: { kind: 'stored', name: description.card.fileName },
        name: description.card.fileName,
      }
    return description
  }

  async unload(): Promise<void> {
    await unloadTeacher(this.#around.machines)
    this.#description = undefined
  }

  /** The worker has died: what it held is gone, what is stored is not. */
  lose(): void {
    this.#description = undefined
  }

  /** Asks the worker what it holds: after a failure it may hold nothing. */
  async sync(): Promise<void> {
    this.#description = (await this.#around.machines.teacher.describe(null).catch(() => null)) ?? undefined
  }

  /** Puts one question; the answer streams into `answer`. `repetitionPenalty` 1 is for models that must repeat numbers. */
  async ask(text: string, { maxTokens = 200, repetitionPenalty = 1.1 } = {}): Promise<void> {
    const description = this.#description
    if (description === undefined || text.trim() === '') return
    this.#answer = ''
    this.#asked = text
    const asked = description.gives.chat
      ? { kind: 'chat' as const, messages: [{ role: 'user' as const, content: text }] }
      : { kind: 'raw' as const, text }
    const sampling = {
      temperature: 0.7,
      topK: 0,
      topP: 0.9,
      minP: 0,
      repetitionPenalty,
      maxTokens,
      stop: [],
      rngSeed: crypto.randomUUID(),
    }
    await this.asking.do((signal) =>
      this.#around.machines.teacher.complete(
        { requests: [{ id: 'asked', asked, sampling }], partials: true },
        {
          signal,
          onEvent: (event) => {
            if (event.kind === 'partial') this.#answer = event.text
            if (event.kind === 'completion') this.#answer = event.result.text
          },
        },
      ),
    )
    if (this.asking.trouble !== undefined) await this.sync()
  }
}
