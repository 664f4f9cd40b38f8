// Knows: the model of a role, the teacher's or another one's own: the chosen one, the loaded one, and its completion of a prompt tried on
// the page. A worker holds one model at a time, so all projects share the model of a role.
import { forgetBatchSize, setBatchSize } from '../../actions/models/batch-size.ts'
import { inspectModel } from '../../actions/models/inspect-model.ts'
import { loadTeacher } from '../../actions/models/load-teacher.ts'
import type { Machines } from '../../actions/machines.ts'
import { unloadTeacher } from '../../actions/models/unload-teacher.ts'
import type { ChatFormat } from '../../domain/chat-format.ts'
import type { ProjectId } from '../../domain/id.ts'
import type { Backend } from '../../domain/machine.ts'
import { isSized, type ModelCard } from '../../domain/model-card.ts'
import type { ModelSource } from '../../domain/model-source.ts'
import type { LoadPlan } from '../../domain/cast.ts'
import type { LoadedWith } from '../../domain/run.ts'
import type { Role } from '../../domain/role.ts'
import { workNow } from '../../domain/work-clock.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import type { WeightForm } from '../../domain/weight-form.ts'
import type { Problem } from '../../domain/problem.ts'
import { canLoadAlone } from '../../pipeline/models/load-alone.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { LoadProgress } from '../../protocol/teacher.ts'
import { ChosenFormats } from './chosen-formats.ts'
import { estimateTimeLeft } from '../parts/time-left.ts'
import type { Environment } from '../app/environment.ts'
import { Task } from '../parts/task.svelte.ts'

/** Default context length in tokens: enough for a growth prompt with its examples, and little memory. */
const CONTEXT = 2048

export interface Choice {
  readonly source: ModelSource
  readonly name: string
}

/** Whether loading can store a copy: not of models that are stored already or built in. */
const canBeStored = ({ kind }: ModelSource): boolean =>
  kind === 'file' || kind === 'files' || kind === 'url' || kind === 'hub'

export class Teacher {
  #description = $state.raw<TeacherDescription | undefined>()
  #choice = $state.raw<Choice | undefined>()
  #card = $state.raw<ModelCard | undefined>()
  /** What was loaded, and for which project. */
  #loaded:
    | {
        readonly choice: Choice
        readonly projectId: ProjectId
        readonly chatFormat: ChatFormat | undefined
      }
    | undefined
  /** The copy of it that was stored while it was loaded. */
  #stored: ModelSource | undefined
  #refusals = $state.raw<readonly Problem[]>([])
  #timeLeft = $state<number | undefined>()
  #chatFormat = $state<ChatFormat | undefined>()
  /** The chat formats that a person chose in place of models' own templates. */
  readonly formats = new ChosenFormats()
  #answer = $state('')
  #triedPrompt = $state('')
  #inspection = $state.raw(new Task())
  backend = $state<Backend>('wasm')
  /** Store a copy of files from disk, an address or a hub in this browser. */
  keep = $state(true)
  contextLength = $state(CONTEXT)
  /** Format of the weights in memory; undefined: the fastest that fits. */
  weights = $state<WeightForm | undefined>()
  readonly loading = new Task<LoadProgress>()
  readonly generation = new Task()
  readonly role: Role
  readonly #machines: Pick<Machines, 'teacher' | 'db' | 'now'>
  readonly #page: string
  readonly #onOutOfMemory: () => void
  /** The last loaded model, also while it is set aside. */
  #known = $state.raw<TeacherDescription | undefined>()
  #takesTurns = $state(false)

  /** `onOutOfMemory` is called when a model could not be loaded because memory ran out. */
  constructor(
    { machines, page }: Pick<Environment, 'machines' | 'page'>,
    role: Role = 'teacher',
    onOutOfMemory: () => void = () => undefined,
  ) {
    this.role = role
    this.#machines = { ...machines, teacher: machines.models.of(role) }
    this.#page = page
    this.#onOutOfMemory = onOutOfMemory
  }

  /** The loaded model; or the one that is set aside and loaded when its turn comes. */
  get available(): TeacherDescription | undefined {
    return this.#description ?? (this.#takesTurns ? this.#known : undefined)
  }
  /** Its model may be unloaded for that of another role, and loaded again when work needs it. */
  get takesTurns(): boolean {
    return this.#takesTurns && this.available !== undefined
  }
  /** How the model is loaded again without a person; undefined if it cannot be. */
  get plan(): LoadPlan | undefined {
    const model = this.available
    const source = this.#stored ?? this.#loaded?.choice.source
    if (model === undefined || source === undefined || !canLoadAlone(source, this.#page)) return undefined
    const { fileBytes } = model.card
    return { model, source, ...(fileBytes === undefined ? {} : { fileBytes }) }
  }

  /** From now on its model is unloaded when another one needs its memory, and loaded again when its turn comes. */
  takeTurns(): void {
    this.#takesTurns = true
  }
  /** The chosen model can be loaded again without a person, once it was loaded. */
  get canReturn(): boolean {
    const source = this.#choice?.source
    return source !== undefined && (canLoadAlone(source, this.#page) || (this.keep && canBeStored(source)))
  }
  /** Unloads the model until its turn comes. False, and nothing happens, if it could not be loaded again without a person. */
  async setAside(): Promise<boolean> {
    if (this.plan === undefined) return false
    this.#takesTurns = true
    await this.#unload()
    return true
  }

  /** Reads the chosen model's header. Each choice has its own task: a worker may take a while to abort an earlier one. */
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
  /** The chosen model's card; undefined while it is being read or if it is refused. */
  get card(): ModelCard | undefined {
    return this.#card
  }
  get refusals(): readonly Problem[] {
    return this.#refusals
  }
  /** Milliseconds left of the current loading phase. */
  get timeLeft(): number | undefined {
    return this.#timeLeft
  }
  /** In place of the chosen model's own chat template; remembered with its source in this session. */
  get chatFormat(): ChatFormat | undefined {
    return this.#chatFormat
  }
  set chatFormat(format: ChatFormat | undefined) {
    this.#chatFormat = format
    if (this.#choice) this.formats.remember(this.#choice.source, format)
  }
  /** The prompt tried on the Teacher screen; `answer` is its completion, as it grows. */
  get triedPrompt(): string {
    return this.#triedPrompt
  }
  get answer(): string {
    return this.#answer
  }

  /** Chooses a model and reads its header: sets its card, or the reasons why it cannot be used. */
  async choose(source: ModelSource, name: string): Promise<void> {
    if (this.loading.running) return
    this.#inspection.stop()
    const inspection = (this.#inspection = new Task())
    const choice = { source, name }
    this.#choice = choice
    this.#card = undefined
    this.#refusals = []
    this.#chatFormat = this.formats.find(source)
    const inspected = await inspection.do((signal) => inspectModel(this.#machines, { source }, signal))
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

  /** Chooses and loads without further questions; `loaded`: as it was loaded before. `makeRoom` is called once the model is known. */
  async chooseAndLoad(
    { source, name }: Choice,
    projectId: ProjectId,
    loaded?: LoadedWith,
    makeRoom?: () => Promise<void>,
  ): Promise<TeacherDescription | undefined> {
    await this.choose(source, name)
    if (this.#card === undefined) return undefined
    if (loaded !== undefined) this.useAs(loaded)
    await makeRoom?.()
    return this.load(projectId)
  }

  async load(projectId: ProjectId): Promise<TeacherDescription | undefined> {
    const choice = this.#choice
    if (choice === undefined) return undefined
    const { backend, contextLength, weights, chatFormat } = this
    const card = this.#card
    const tookTurns = this.#takesTurns
    this.#answer = ''
    this.#triedPrompt = ''
    let phase = ''
    let since = 0
    const description = await this.loading.do(async (signal, report) => {
      const keep = this.keep && canBeStored(choice.source)
      const work = loadTeacher(
        this.#machines,
        {
          projectId,
          role: this.role,
          source: choice.source,
          backend,
          keep,
          contextLength,
          ...(weights === undefined ? {} : { weights }),
          ...(chatFormat === undefined ? {} : { chatFormat }),
          ...(card !== undefined && isSized(card) ? { fileBytes: card.fileBytes } : {}),
        },
        signal,
      )
      this.#description = undefined // the worker unloads an earlier one first
      this.#takesTurns = false
      try {
        for (;;) {
          const next = await work.next()
          if (next.done) return next.value
          if (next.value.phase !== phase) {
            phase = next.value.phase
            since = workNow()
          }
          this.#timeLeft = estimateTimeLeft(next.value.done, next.value.total, workNow() - since)
          report(next.value)
        }
      } catch (thrown) {
        if (thrown instanceof RetortError && thrown.name === 'OutOfMemory') this.#onOutOfMemory()
        throw thrown
      }
    })
    this.#description = description
    this.#known = description
    this.#loaded = description === undefined ? undefined : { choice, projectId, chatFormat }
    this.#takesTurns = tookTurns && description !== undefined
    this.#stored = undefined
    if (description === undefined) await this.sync()
    else if (this.keep && canBeStored(choice.source) && description.notStored === undefined) {
      const { fileName } = description.card
      this.#choice = { source: { kind: 'stored', name: fileName }, name: fileName }
      this.#stored = this.#choice.source
      this.formats.remember(this.#choice.source, chatFormat)
    }
    return description
  }

  /** Loads the loaded model again, with another batch size or chat format. */
  async #reload(): Promise<void> {
    const loaded = this.#loaded
    if (loaded === undefined) return
    this.#choice = loaded.choice
    this.chatFormat = loaded.chatFormat
    await this.load(loaded.projectId)
  }

  /** The loaded model's source is known, so that it can be loaded again with other values. */
  get canReload(): boolean {
    return this.#loaded !== undefined && this.available !== undefined && !this.loading.running
  }

  /** The next load uses these values. */
  useAs({ backend, contextLength, weights, chatFormat }: LoadedWith): void {
    this.backend = backend
    this.contextLength = contextLength
    this.weights = weights
    this.chatFormat = chatFormat
  }

  /** Loads the loaded model again, or the one that is set aside, with these values. */
  async reloadAs(
    values: LoadedWith,
    makeRoom?: () => Promise<void>,
  ): Promise<TeacherDescription | undefined> {
    const loaded = this.#loaded
    if (loaded === undefined) return undefined
    this.#choice = loaded.choice
    this.useAs(values)
    await makeRoom?.()
    return this.load(loaded.projectId)
  }

  /** Measures the loaded model's batch size again: loads it again. */
  async measureAgain(): Promise<void> {
    if (this.#description === undefined || this.loading.running) return
    await forgetBatchSize(this.#machines, this.#description)
    await this.#reload()
  }

  /** Sets the loaded model's batch size, and loads it again. */
  async chooseBatchSize(batch: number): Promise<void> {
    if (this.#description === undefined || this.loading.running) return
    if (await setBatchSize(this.#machines, this.#description, batch)) await this.#reload()
  }

  /** Sets the loaded model's chat format, or its own template without one, and loads it again. */
  async chooseChatFormat(format: ChatFormat | undefined): Promise<void> {
    const loaded = this.#loaded
    if (this.#description === undefined || loaded === undefined || this.loading.running) return
    this.#loaded = { ...loaded, chatFormat: format }
    await this.#reload()
  }

  async unload(): Promise<void> {
    this.#takesTurns = false
    await this.#unload()
  }

  /** From its first moment the model is no longer there: freeing its memory takes a while, and what needs the model has to load it. */
  async #unload(): Promise<void> {
    this.#description = undefined
    try {
      await unloadTeacher(this.#machines)
    } catch (thrown) {
      await this.sync()
      throw thrown
    }
  }

  /** The worker has died: the loaded model is lost, stored ones are not. */
  markLost(): void {
    this.#description = undefined
  }

  /** Its machine loaded or unloaded a model: for a run, if it was not requested here. */
  noteChange(): void {
    if (!this.loading.running) void this.sync()
  }

  /** Queries the worker for the loaded model: after a failure there may be none. */
  async sync(): Promise<void> {
    const found = (await this.#machines.teacher.describe(null).catch(() => null)) ?? undefined
    // The same model stays the same object: what was measured with it still holds.
    this.#description = JSON.stringify(found) === JSON.stringify(this.#known) ? this.#known : found
    if (found !== undefined) this.#known = this.#description
  }

  /** Completes one prompt; the text streams into `answer`. `repetitionPenalty` 1 is for models that must repeat numbers. */
  async tryPrompt(text: string, { maxTokens = 200, repetitionPenalty = 1.1 } = {}): Promise<void> {
    const description = this.#description
    if (description === undefined || text.trim() === '') return
    this.#answer = ''
    this.#triedPrompt = text
    const input = description.capabilities.chat
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
    await this.generation.do((signal) =>
      this.#machines.teacher.complete(
        { requests: [{ id: 'tried', input, sampling }], partials: true },
        {
          signal,
          onEvent: (event) => {
            if (event.kind === 'partial') this.#answer = event.text.trimStart()
            if (event.kind === 'completion') this.#answer = event.result.text.trim()
          },
        },
      ),
    )
    if (this.generation.error !== undefined) await this.sync()
  }
}
