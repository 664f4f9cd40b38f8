// Knows: how a stored run gets the models of its roles again: its teacher, and each that another role had of its own.
import { listRecorded } from '../../actions/run/recorded-cast.ts'
import { NO_MODELS, PERSON } from '../../domain/people.ts'
import { makeCast, type Cast } from '../../domain/cast.ts'
import type { Role } from '../../domain/role.ts'
import type { Run } from '../../domain/run.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import { rolesOf } from '../../pipeline/recipes/roles-of.ts'
import type { LoadProgress } from '../../protocol/teacher.ts'
import { loadRecipeText } from '../project/recipe-text.svelte.ts'
import type { Roles } from './roles.svelte.ts'
import type { TeacherRecall } from './teacher-recall.svelte.ts'

type RunRoles = Pick<Run, 'teacher' | 'loadedWith' | 'judge' | 'judgeLoadedWith' | 'models'>

export class RunModels {
  readonly #roles: Roles
  readonly #open: (role: Role) => TeacherRecall
  #recalls = $state.raw<ReadonlyMap<Role, TeacherRecall>>(new Map())
  #all = $derived([...this.#recalls])

  /** `open` makes the recall of a role's model. */
  constructor(roles: Roles, open: (role: Role) => TeacherRecall) {
    this.#roles = roles
    this.#open = open
  }

  #recallOf(role: Role): TeacherRecall {
    const recall = this.#recalls.get(role) ?? this.#open(role)
    if (!this.#recalls.has(role)) this.#recalls = new Map([...this.#recalls, [role, recall]])
    return recall
  }

  get running(): boolean {
    return this.#all.some(([, { task }]) => task.running)
  }
  /** Name of the model that is being found and loaded. */
  get loadingName(): string | undefined {
    return this.#all.map(([, { loadingName }]) => loadingName).find((name) => name !== undefined)
  }
  /** Whether that model is being loaded, and how far; it may still have to be found. */
  get isLoading(): boolean {
    return this.running && this.#roles.loading
  }
  get progress(): LoadProgress | undefined {
    const [role] = this.#all.find(([, { task }]) => task.running) ?? []
    return role === undefined ? undefined : this.#roles.find(role)?.loading.progress
  }
  /** What a person has to do first, for each model that could not be found. */
  get waitsFor(): readonly string[] {
    return this.#all.flatMap(([, { waitsFor }]) => waitsFor ?? [])
  }
  get errors(): readonly string[] {
    return this.#all.flatMap(([role, { task }]) => {
      const own = this.#roles.find(role)
      // The screen shows the teacher's own.
      const loading = role === 'teacher' || own?.description ? undefined : own?.loading.error
      return [task.error, loading].flatMap((error) => error ?? [])
    })
  }

  /** The models of a run, loaded as they were; undefined if one of them cannot be: `waitsFor` or an error says why. */
  async recall(run: RunRoles): Promise<Cast | undefined> {
    if (run.teacher.fingerprint === PERSON.fingerprint) return NO_MODELS
    const recorded = listRecorded(run)
    const found: [Role, TeacherDescription][] = []
    for (const [role, { model, loadedWith }] of recorded) {
      const recall = this.#recallOf(role)
      const description = await recall.recall(model, loadedWith, { mayBeAside: true })
      if (description !== undefined) found.push([role, description])
      // A missing one does not end it, so that everything that is missing is named at once.
      else if (recall.waitsFor === undefined) return undefined
    }
    const [first, ...others] = found
    return first === undefined || found.length < recorded.length
      ? undefined
      : makeCast(first[1], others, this.#roles.turns)
  }

  /** The model that judged a run, loaded as it was: the teacher, or as `judge` the own one of the role that judged. */
  async recallJudge(run: RunRoles & Pick<Run, 'recipeText'>): Promise<Partial<Cast> | undefined> {
    const { checkRecipeText } = await loadRecipeText()
    const checked = checkRecipeText(run.recipeText)
    const judges = checked.ok ? checked.value.steps.filter(({ family }) => family === 'judge') : []
    const [wanted = 'judge'] = rolesOf({ steps: judges })
    const recorded = listRecorded(run)
    const [role, { model, loadedWith }] =
      recorded.find(([name]) => name === wanted) ?? (recorded[0] as (typeof recorded)[number])
    const found = await this.#recallOf(role).recall(model, loadedWith, { mayBeAside: true })
    const { turns } = this.#roles
    return (
      found && {
        ...(role === 'teacher' ? { teacher: found } : { judge: found }),
        ...(turns ? { turns } : {}),
      }
    )
  }

  stop(): void {
    for (const [, recall] of this.#all) recall.stop()
  }
}
