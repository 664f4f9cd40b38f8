// Knows: which models that take turns are in memory, and how the next one takes the place of others.
// Must not know: who calls them, and for what.
import { ownModelOf, type Cast, type LoadPlan } from '../../domain/cast.ts'
import type { Role } from '../../domain/role.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import { chooseSetAside } from '../../pipeline/models/loaded-memory.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { LoadProgress } from '../../protocol/teacher.ts'
import { loadTeacher } from '../models/load-teacher.ts'
import type { Machines } from '../machines.ts'

export type SwapMachines = Pick<Machines, 'models' | 'db' | 'now'>

/** Receives what is being loaded, as a sentence; empty when it is. */
export type OnSwap = (sentence: string) => void

const PHASES: Readonly<Record<LoadProgress['phase'], string>> = {
  reading: 'reading its file',
  downloading: 'downloading',
  keeping: 'storing a copy',
  building: 'building it',
  warming: 'warming up',
}

/** The same values generate the same texts. */
const isSame = (a: TeacherDescription, b: TeacherDescription): boolean =>
  a.card.fingerprint === b.card.fingerprint &&
  a.backend === b.backend &&
  a.contextLength === b.contextLength &&
  a.chatFormat === b.chatFormat &&
  a.weights === b.weights

export class ModelSwaps {
  readonly #machines: SwapMachines
  readonly #cast: Cast
  readonly #plans: ReadonlyMap<Role, LoadPlan>
  readonly #onSwap: OnSwap
  /** Roles whose model is in memory, those not used for longest first; undefined: not known yet. */
  #present: Role[] | undefined

  constructor(machines: SwapMachines, cast: Cast, onSwap: OnSwap = () => undefined) {
    this.#machines = machines
    this.#cast = cast
    this.#plans = new Map(Object.entries(cast.turns?.plans ?? {}))
    this.#onSwap = onSwap
  }

  /** Some models may have to be loaded in place of others. */
  get some(): boolean {
    return this.#plans.size > 0
  }

  /** A call for this role needs no other model to be unloaded. */
  isAtHand(role: Role): boolean {
    const owner = this.#ownerOf(role)
    return !this.#plans.has(owner) || (this.#present?.includes(owner) ?? false)
  }

  /**
   * Resolves when the role's model is loaded, as it was before; others are unloaded first if they need its memory. Throws errors of
   * loading, `ModelMissing` if another model is found in its place, and an AbortError when `signal` aborts: no model is then loaded that
   * was not, and the next call loads it.
   */
  async bring(role: Role, signal: AbortSignal): Promise<void> {
    const owner = this.#ownerOf(role)
    const plan = this.#plans.get(owner)
    if (plan === undefined) return
    const present = (this.#present ??= await this.#look())
    if (present.includes(owner)) {
      this.#use(owner)
      return
    }
    const { memory = {} } = this.#cast.turns ?? {}
    const aside = chooseSetAside(
      present.flatMap((name) => {
        const other = this.#plans.get(name)
        return other === undefined ? [] : [{ ...other.model, name }]
      }),
      plan.model,
      memory,
    )
    for (const { name } of aside) {
      signal.throwIfAborted()
      await this.#machines.models.of(name).unload(null)
      this.#present = this.#present.filter((other) => other !== name)
    }
    const instead = aside.map(({ card }) => card.name).join(' and ')
    try {
      await this.#load(owner, plan, instead === '' ? '' : ` in place of ${instead}`, signal)
    } finally {
      this.#onSwap('')
    }
    this.#use(owner)
  }

  async #load(owner: Role, plan: LoadPlan, instead: string, signal: AbortSignal): Promise<void> {
    const { model: wanted, source, fileBytes } = plan
    const { card, backend, contextLength, weights, chatFormat } = wanted
    if (backend === 'server') return // it takes no memory here
    const { name } = card
    const report = (doing: string): void =>
      this.#onSwap(`Loading ${name}, the ${owner},${instead}${doing}.`.replace(',.', '.'))
    report('')
    const { models, db, now } = this.#machines
    const work = loadTeacher(
      { teacher: models.of(owner), db, now },
      {
        source,
        keep: false,
        backend,
        contextLength,
        ...(weights === undefined ? {} : { weights }),
        ...(chatFormat === undefined ? {} : { chatFormat }),
        ...(fileBytes === undefined ? {} : { fileBytes }),
      },
      signal,
    )
    for (;;) {
      const next = await work.next()
      if (!next.done) {
        const { phase, done, total } = next.value
        const percent = total > 0 && phase !== 'warming' ? ` (${Math.floor((100 * done) / total)} %)` : ''
        report(`: ${PHASES[phase]}${percent}`)
        continue
      }
      if (isSame(next.value, wanted)) return
      await models.of(owner).unload(null)
      throw new RetortError(
        'ModelMissing',
        `The ${owner} was ${name}, but its source now has another model, or loads it in another way. Load ${name} for the ${owner} as before, then resume.`,
      )
    }
  }

  #use(owner: Role): void {
    this.#present = [...(this.#present ?? []).filter((other) => other !== owner), owner]
  }

  async #look(): Promise<Role[]> {
    const found = await Promise.all(
      [...this.#plans].map(async ([role, { model }]) => {
        const description = await this.#machines.models
          .of(role)
          .describe(null)
          .catch(() => null)
        if (description === null) return []
        if (isSame(description, model)) return [role]
        await this.#machines.models.of(role).unload(null)
        return []
      }),
    )
    return found.flat()
  }

  #ownerOf(role: Role): Role {
    return ownModelOf(this.#cast, role) === undefined ? 'teacher' : role
  }
}
