// Knows: what this machine can do: the facts, and sentences that explain them.
import { describeMachine, type MachineScope } from '../../actions/machine/describe-machine.ts'
import { decidesQuietly, requestPersistence } from '../../storage/quota.ts'
import type { Backend, MachineFacts } from '../../domain/machine.ts'
import { chooseThreads, type MeasuredThreads } from '../../domain/measured-threads.ts'
import { Threads } from './threads.svelte.ts'

/** One ability of the machine, as shown to a person. */
export interface Ability {
  readonly title: string
  readonly value: string
  readonly meaning: string
  /** `good`: nothing is missing; `fair`: slower or less than it could be. */
  readonly tone: 'good' | 'fair'
}

const gigabytes = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(bytes >= 1e10 ? 0 : 1)} GB` : `${Math.round(bytes / 1e6)} MB`

function describeGraphics({ webgpu }: MachineFacts): Ability {
  if (!webgpu.available) {
    return {
      title: 'Graphics card',
      value: 'Not usable',
      meaning: `${webgpu.reason ?? 'This browser does not support WebGPU here.'} Everything runs on the processor instead: slower, same results.`,
      tone: 'fair',
    }
  }
  const speed = webgpu.shaderF16 ? '' : ' It supports 32-bit floats only, which need more memory.'
  return {
    title: 'Graphics card',
    value: webgpu.adapter ?? 'WebGPU',
    meaning: `Models can run on it through WebGPU.${speed}`,
    tone: 'good',
  }
}

function describeMeasured({ threads, rates }: MeasuredThreads): Ability {
  const rateOf = (count: number): number => rates.find((rate) => rate.threads === count)?.runsPerSecond ?? 0
  const times = (count: number): string => (rateOf(count) / rateOf(1)).toFixed(1)
  const others = rates.filter((rate) => rate.threads !== 1)
  const title = 'Processor'
  const isCertain = chooseThreads(rates).certain
  if (threads === 1)
    return {
      title,
      value: '1 thread',
      meaning:
        others.length === 0
          ? 'Several threads do not start here. Small datasets are fine; keep runs short.'
          : `Measured: ${others.map((rate) => `${rate.threads} threads are ${times(rate.threads)} × as fast`).join(', ')}, so one is used.`,
      tone: 'fair',
    }
  const again = isCertain
    ? ''
    : ' Another number is about as fast, so this is measured again at the next start.'
  return {
    title,
    value: `${threads} threads`,
    meaning: `Measured: ${times(threads)} × as fast as one thread.${again}${threads < 4 ? ' Small datasets are fine; keep runs short.' : ''}`,
    tone: 'good',
  }
}

function describeThreads({ threads }: MachineFacts): Ability {
  if (!threads.isolated) {
    return {
      title: 'Processor',
      value: '1 thread',
      meaning:
        'The page is not cross-origin isolated, so the browser allows one thread. Reload once; if this does not change, expect a run to take several times as long.',
      tone: 'fair',
    }
  }
  const value = threads.count === 1 ? '1 thread' : `${threads.count} threads`
  const meaning =
    threads.count < 4
      ? 'A model of 135 million parameters generates a few words per second. Small datasets are fine; keep runs short.'
      : 'Small models up to about a billion parameters run at a usable pace.'
  return { title: 'Processor', value, meaning, tone: threads.count < 2 ? 'fair' : 'good' }
}

function describeMemory({ memoryGiB }: MachineFacts): Ability {
  if (memoryGiB === undefined)
    return {
      title: 'Memory',
      value: 'Unknown',
      meaning: 'This browser does not report it. Each model shows how much it needs before it is loaded.',
      tone: 'fair',
    }
  const meaning =
    memoryGiB >= 8
      ? 'Room for teachers of a billion parameters alongside a student.'
      : memoryGiB >= 4
        ? 'Room for teachers of a few hundred million parameters.'
        : 'Use the smallest teacher and student.'
  return {
    title: 'Memory',
    value: memoryGiB >= 8 ? '8 GB or more' : `about ${memoryGiB} GB`,
    meaning,
    tone: memoryGiB >= 4 ? 'good' : 'fair',
  }
}

function describeStorage({ storage, lacksFiles, forgetsAfterDays }: MachineFacts): Ability {
  const noFiles = lacksFiles
    ? ' This browser gives the page no file system, as in a private window: models cannot be stored, checkpoints are stored in its database, and a private window deletes everything when it is closed.'
    : ''
  if (storage === undefined)
    return {
      title: 'Storage',
      value: 'Unknown',
      meaning: `This browser does not report how much it can store. Save the project to a file now and then.${noFiles}`,
      tone: 'fair',
    }
  const free = Math.max(0, storage.quotaBytes - storage.usedBytes)
  const persistence = storage.persisted
    ? 'The browser will not clear it automatically.'
    : forgetsAfterDays === undefined
      ? 'The browser may clear it when the disk is full: save projects to files.'
      : `Safari deletes the data of a site that you have not used for ${forgetsAfterDays} days, unless it is protected: save projects to files.`
  return {
    title: 'Free storage',
    value: `up to ${gigabytes(free)}`,
    meaning: `${gigabytes(storage.usedBytes)} in use by Retort. ${persistence}${noFiles}`,
    tone: free > 1e9 ? 'good' : 'fair',
  }
}

/** The four abilities that matter here. */
export const describeAbilities = (facts: MachineFacts, measured?: MeasuredThreads): readonly Ability[] => [
  describeGraphics(facts),
  facts.threads.isolated && measured !== undefined ? describeMeasured(measured) : describeThreads(facts),
  describeMemory(facts),
  describeStorage(facts),
]

export class Machine {
  #facts = $state.raw<MachineFacts | undefined>()
  #protection = $state<string | undefined>()
  readonly threads: Threads
  #abilities = $derived.by(() =>
    this.#facts === undefined ? [] : describeAbilities(this.#facts, this.threads.measured),
  )

  constructor(threads: Threads = new Threads(undefined)) {
    this.threads = threads
  }

  get facts(): MachineFacts | undefined {
    return this.#facts
  }
  get abilities(): readonly Ability[] {
    return this.#abilities
  }
  /** Threads of the processor that a start has: measured, else what the browser reports. */
  get threadCount(): number {
    const { isolated = false, count = 1 } = this.#facts?.threads ?? {}
    return isolated ? (this.threads.measured?.threads ?? count) : 1
  }
  /** The backends that can be chosen here. */
  get backends(): readonly Backend[] {
    return this.#facts?.webgpu.available ? ['wasm', 'webgpu'] : ['wasm']
  }

  /** Whether the browser may clear the stored data on its own and can be requested not to. */
  get isClearable(): boolean {
    return this.#facts?.storage?.persisted === false
  }
  /** What became of the request, as a sentence. */
  get protection(): string | undefined {
    return this.#protection
  }

  /** Requests that the browser does not clear the stored data on its own. */
  async protect(): Promise<void> {
    const persisted = await requestPersistence()
    const { storage } = this.#facts ?? {}
    if (this.#facts !== undefined && storage !== undefined && persisted)
      this.#facts = { ...this.#facts, storage: { ...storage, persisted } }
    this.#protection = persisted
      ? 'The data is protected: the browser will not clear it on its own.'
      : 'The browser did not agree. Some agree only once the page is used often, bookmarked or installed. Save projects to files.'
  }

  /** The same when the first own work is created, where no question is shown for it; a refusal is not reported. */
  async protectQuietly(): Promise<void> {
    if (!this.isClearable || !decidesQuietly()) return
    await this.protect()
    this.#protection = undefined
  }

  async detect(scope: MachineScope): Promise<void> {
    this.#facts = await describeMachine(scope)
  }
}
