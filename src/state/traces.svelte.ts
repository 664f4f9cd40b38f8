// Knows: the teachers that a student can learn from together: those whose probabilities are stored along a dataset, and the loaded one;
// and the weight that the person gives each.
import { deleteTrace } from '../actions/delete-trace.ts'
import type { DatasetId, ProjectId } from '../domain/id.ts'
import type { ModelCard } from '../domain/model.ts'
import {
  learnsFromHidden,
  learnsFromProbabilities,
  type StudentPreset,
  type TrainSettings,
} from '../domain/student.ts'
import { hiddenBytes, refuseWidths } from '../pipeline/training/hidden-widths.ts'
import { nameOfTrace, type StoredTrace, type TeacherShare } from '../domain/trace.ts'
import type { Surroundings } from './surroundings.ts'
import { Task } from './task.svelte.ts'

/** A teacher as it is offered. */
export interface OfferedTeacher {
  /** Of the weight: the model and what it was or would be asked for. */
  readonly key: string
  readonly name: string
  readonly fingerprint: string
  readonly weight: number
  readonly isLoaded: boolean
  /** What is stored of it; absent where it has still to be asked. */
  readonly stored?: StoredTrace
  /** Bytes that its hidden states will take for each token, where it has still to be asked for them. */
  readonly hiddenBytes?: number
  /** Why it cannot be learned from with these settings: a sentence. */
  readonly unfit?: string
}

/** What a student asks of its teachers' files. */
export interface Wanted {
  readonly choices: number
  readonly temperature: number
  readonly hiddenShare?: number
  readonly preset: StudentPreset
}

export class Traces {
  #list = $state.raw<readonly StoredTrace[]>([])
  #weights = $state.raw<ReadonlyMap<string, number>>(new Map())
  #datasetId: DatasetId | undefined
  readonly removal = new Task()
  readonly #around: Surroundings
  readonly #projectId: ProjectId

  constructor(around: Surroundings, projectId: ProjectId) {
    this.#around = around
    this.#projectId = projectId
  }

  /** Along the dataset that was read last, the newest first. */
  get list(): readonly StoredTrace[] {
    return this.#list
  }

  async refresh(datasetId: DatasetId | undefined): Promise<void> {
    if (datasetId !== this.#datasetId) this.#list = []
    this.#datasetId = datasetId
    const list =
      datasetId === undefined
        ? []
        : await this.#around.machines.student
            .listTraces({ projectId: this.#projectId, datasetId })
            .catch(() => [])
    if (datasetId === this.#datasetId) this.#list = list
  }

  weigh(key: string, weight: number): void {
    this.#weights = new Map(this.#weights).set(key, weight)
  }

  /** The loaded teacher first. Unless the person says otherwise it has weight 1 and all others 0. */
  offer(wanted: Wanted, loaded: ModelCard | undefined): readonly OfferedTeacher[] {
    const { choices, temperature, preset } = wanted
    const usesHidden = learnsFromHidden(wanted)
    const weightOf = (key: string, otherwise: number): number => this.#weights.get(key) ?? otherwise
    const unfitOf = (trace: StoredTrace): string | undefined => {
      if (trace.temperature !== temperature || trace.choices !== choices)
        return `It was asked for ${trace.choices} tokens at temperature ${trace.temperature}, and the settings below say ${choices} at ${temperature}.`
      if (!usesHidden) return undefined
      return trace.hiddenWidth === undefined
        ? 'Its hidden states are not stored with this. Loaded, it is asked for them.'
        : refuseWidths(preset, { name: nameOfTrace(trace), width: trace.hiddenWidth })
    }
    const fitting = this.#list.filter(
      (trace) => trace.fingerprint === loaded?.fingerprint && unfitOf(trace) === undefined,
    )
    const own = fitting.find(({ hiddenWidth }) => hiddenWidth === undefined) ?? fitting[0] // of two that fit, the smaller one
    const stored = this.#list.map((trace): OfferedTeacher => {
      const isLoaded = trace === own
      const unfit = unfitOf(trace)
      const key = trace.file.slice(17, -'.trace'.length) // behind the dataset's digits
      return {
        key,
        name: nameOfTrace(trace),
        fingerprint: trace.fingerprint,
        weight: unfit === undefined ? weightOf(key, isLoaded ? 1 : 0) : 0,
        isLoaded,
        stored: trace,
        ...(unfit === undefined ? {} : { unfit }),
      }
    })
    const asked = loaded && own === undefined ? [offerLoaded(loaded, wanted, weightOf)] : []
    return [...asked, ...stored]
      .map(refuseStrangers)
      .toSorted((a, b) => Number(b.isLoaded) - Number(a.isLoaded))
  }

  /** The teachers of a new student with these settings; undefined where it needs none or where none was offered. */
  shareOut(settings: TrainSettings, loaded: ModelCard | undefined): readonly TeacherShare[] | undefined {
    return learnsFromProbabilities(settings) ? sharesOf(this.offer(settings, loaded)) : undefined
  }

  async remove(trace: StoredTrace, datasetId: DatasetId): Promise<void> {
    await this.removal.do(() => deleteTrace({ projectId: this.#projectId, file: trace.file }))
    await this.refresh(datasetId)
  }
}

/** One that has still to be asked. Where its states are of another width it keeps its weight: who trains all the same is told why not. */
function offerLoaded(
  { name, fingerprint, width, form }: ModelCard,
  wanted: Wanted,
  weightOf: (key: string, otherwise: number) => number,
): OfferedTeacher {
  const usesHidden = learnsFromHidden(wanted)
  const key = `${fingerprint}-${wanted.choices}-${wanted.temperature}${usesHidden ? '-hidden' : ''}`
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

/** Of those that have a weight, the first says which vocabulary it is. */
function refuseStrangers(one: OfferedTeacher, _: number, all: readonly OfferedTeacher[]): OfferedTeacher {
  const first = all.find(({ stored, weight }) => stored !== undefined && weight > 0)
  if (
    one.unfit !== undefined ||
    !one.stored ||
    !first?.stored ||
    one.stored.vocabulary === first.stored.vocabulary
  )
    return one
  return {
    ...one,
    unfit: `Its vocabulary is another than that of ${first.name}, and a student can share only one.`,
    weight: 0,
  }
}

/** What a new student is told; undefined where none is offered, and the loaded teacher or a refusal decides. */
const sharesOf = (offered: readonly OfferedTeacher[]): readonly TeacherShare[] | undefined =>
  offered.length === 0
    ? undefined
    : offered.map(({ name, fingerprint, weight, stored }) => ({
        name,
        fingerprint,
        weight,
        ...(stored ? { trace: stored.file } : {}),
      }))
