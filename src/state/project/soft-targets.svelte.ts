// Knows: the teachers that a student can learn from: those whose soft targets are stored for a dataset, and the loaded one;
// and the weight that the person sets for each.
import { deleteSoftTargets } from '../../actions/datasets/delete-soft-targets.ts'
import type { ChatFormat } from '../../domain/chat-format.ts'
import type { DatasetId, ProjectId } from '../../domain/id.ts'
import type { ModelCard } from '../../domain/model-card.ts'
import type { StudentPreset, TrainSettings } from '../../domain/student.ts'
import { hiddenBytes, refuseWidths } from '../../pipeline/training/hidden-widths.ts'
import { planOf } from '../../pipeline/training/index.ts'
import { nameOfSoftTargets, type StoredSoftTargets, type TeacherShare } from '../../domain/soft-targets.ts'
import type { Environment } from '../app/environment.ts'
import { Task } from '../parts/task.svelte.ts'

/** An offered teacher. */
export interface OfferedTeacher {
  /** Key of the weight: the model and the settings of its soft targets. */
  readonly key: string
  readonly name: string
  readonly fingerprint: string
  readonly weight: number
  readonly isLoaded: boolean
  /** Its stored soft targets; absent if they are still to be computed. */
  readonly stored?: StoredSoftTargets
  /** Bytes per token of its hidden states, if they are still to be computed. */
  readonly hiddenBytes?: number
  /** Why the student cannot learn from it with these settings: a sentence. */
  readonly unfit?: string
}

/** The settings that stored soft targets must match. */
export interface WantedSoftTargets {
  readonly topK: number
  readonly temperature: number
  /** The loss uses the teacher's hidden states too. */
  readonly hidden?: boolean
  readonly preset: StudentPreset
}

export class SoftTargets {
  #list = $state.raw<readonly StoredSoftTargets[]>([])
  #weights = $state.raw<ReadonlyMap<string, number>>(new Map())
  #datasetId: DatasetId | undefined
  readonly removal = new Task()
  readonly #env: Environment
  readonly #projectId: ProjectId

  constructor(env: Environment, projectId: ProjectId) {
    this.#env = env
    this.#projectId = projectId
  }

  /** The stored soft targets of the dataset read last, newest first. */
  get list(): readonly StoredSoftTargets[] {
    return this.#list
  }

  async refresh(datasetId: DatasetId | undefined): Promise<void> {
    if (datasetId !== this.#datasetId) this.#list = []
    this.#datasetId = datasetId
    const list =
      datasetId === undefined
        ? []
        : await this.#env.machines.student
            .listSoftTargets({ projectId: this.#projectId, datasetId })
            .catch(() => [])
    if (datasetId === this.#datasetId) this.#list = list
  }

  setWeight(key: string, weight: number): void {
    this.#weights = new Map(this.#weights).set(key, weight)
  }

  /** The loaded teacher first, with the chat format that it is loaded with. By default it has weight 1 and all others 0. */
  offer(
    wanted: WantedSoftTargets,
    loaded: ModelCard | undefined,
    chatFormat?: ChatFormat,
  ): readonly OfferedTeacher[] {
    const { topK, temperature, preset, hidden: usesHidden = false } = wanted
    const weightOf = (key: string, otherwise: number): number => this.#weights.get(key) ?? otherwise
    const unfitOf = (stored: StoredSoftTargets): string | undefined => {
      if (stored.temperature !== temperature || stored.topK !== topK)
        return `Its soft targets have the top ${stored.topK} tokens at temperature ${stored.temperature}; the settings below require ${topK} at ${temperature}.`
      if (!usesHidden) return undefined
      return stored.hiddenWidth === undefined
        ? 'Its hidden states are not stored. Load it to compute them.'
        : refuseWidths(preset, { name: nameOfSoftTargets(stored), width: stored.hiddenWidth })
    }
    const fitting = this.#list.filter(
      (stored) =>
        stored.fingerprint === loaded?.fingerprint &&
        stored.chatFormat === chatFormat &&
        unfitOf(stored) === undefined,
    )
    const own = fitting.find(({ hiddenWidth }) => hiddenWidth === undefined) ?? fitting[0] // if two match, the smaller one
    const offered = this.#list.map((stored): OfferedTeacher => {
      const isLoaded = stored === own
      const unfit = unfitOf(stored)
      const key = stored.file.slice(17, -'.trace'.length) // after the dataset's digits
      return {
        key,
        name: nameOfSoftTargets(stored),
        fingerprint: stored.fingerprint,
        weight: unfit === undefined ? weightOf(key, isLoaded ? 1 : 0) : 0,
        isLoaded,
        stored,
        ...(unfit === undefined ? {} : { unfit }),
      }
    })
    const toCompute = loaded && own === undefined ? [offerLoaded(loaded, chatFormat, wanted, weightOf)] : []
    return [...toCompute, ...offered]
      .map(refuseOtherVocabularies)
      .toSorted((a, b) => Number(b.isLoaded) - Number(a.isLoaded))
  }

  /** The teacher shares of a new student with these settings; undefined if it needs none or none was offered. */
  sharesFor(
    settings: TrainSettings,
    loaded: ModelCard | undefined,
    chatFormat?: ChatFormat,
  ): readonly TeacherShare[] | undefined {
    const { teacher } = planOf(settings)
    return teacher?.kind === 'before'
      ? sharesOf(this.offer({ ...teacher, preset: settings.preset }, loaded, chatFormat))
      : undefined
  }

  async remove({ file }: StoredSoftTargets, datasetId: DatasetId): Promise<void> {
    await this.removal.do(() => deleteSoftTargets({ projectId: this.#projectId, file }))
    await this.refresh(datasetId)
  }
}

/** A teacher whose soft targets are still to be computed. If its hidden width does not match it keeps its weight: training then reports why it is refused. */
function offerLoaded(
  { name, fingerprint, width, form }: ModelCard,
  chatFormat: ChatFormat | undefined,
  wanted: WantedSoftTargets,
  weightOf: (key: string, otherwise: number) => number,
): OfferedTeacher {
  const usesHidden = wanted.hidden === true
  const key = `${fingerprint}-${wanted.topK}-${wanted.temperature}${usesHidden ? '-hidden' : ''}${chatFormat === undefined ? '' : `-${chatFormat}`}`
  const unfit = usesHidden ? refuseWidths(wanted.preset, { name, width, form }) : undefined
  return {
    key,
    name,
    fingerprint,
    weight: weightOf(key, 1),
    isLoaded: true,
    ...(usesHidden && width !== undefined ? { hiddenBytes: hiddenBytes(width) } : {}),
    ...(unfit === undefined ? {} : { unfit }),
  }
}

/** Refuses stored soft targets with another vocabulary than the first that has a weight. */
function refuseOtherVocabularies(
  teacher: OfferedTeacher,
  _: number,
  all: readonly OfferedTeacher[],
): OfferedTeacher {
  const first = all.find(({ stored, weight }) => stored !== undefined && weight > 0)
  if (
    teacher.unfit !== undefined ||
    !teacher.stored ||
    !first?.stored ||
    teacher.stored.vocabulary === first.stored.vocabulary
  )
    return teacher
  return {
    ...teacher,
    unfit: `Its vocabulary differs from ${first.name}’s, and a student can learn from only one vocabulary.`,
    weight: 0,
  }
}

/** The shares of the offered teachers; undefined if none is offered: the loaded teacher is used then, or training is refused. */
const sharesOf = (offered: readonly OfferedTeacher[]): readonly TeacherShare[] | undefined =>
  offered.length === 0
    ? undefined
    : offered.map(({ name, fingerprint, weight, stored }) => ({
        name,
        fingerprint,
        weight,
        ...(stored ? { softTargets: stored.file } : {}),
      }))
