// Knows: the status of each screen's step: a short sign next to the link and a sentence for screen readers.
import type { Comparisons } from './comparisons.svelte.ts'
import type { Datasets } from './datasets.svelte.ts'
import type { Recipe } from './recipe.svelte.ts'
import type { ScreenName } from '../app/route.svelte.ts'
import type { Runs } from './runs.svelte.ts'
import type { Seeds } from './seeds.svelte.ts'
import type { Students } from './students.svelte.ts'
import type { Teacher } from '../models/teacher.svelte.ts'

/** The parts of a workspace that the statuses are read from. */
interface ProjectState {
  readonly seeds: Pick<Seeds, 'task' | 'count'>
  readonly teacher: Pick<Teacher, 'loading' | 'available'>
  /** The models of all roles. */
  readonly roles: { readonly all: readonly Pick<Teacher, 'role' | 'loading' | 'available'>[] }
  readonly recipe: Pick<Recipe, 'problems' | 'changed'>
  readonly runs: Pick<Runs, 'task' | 'latest' | 'kept'> & Partial<Pick<Runs, 'elsewhere'>>
  readonly datasets: Pick<Datasets, 'list'>
  readonly students: Pick<Students, 'task' | 'latest'> & Partial<Pick<Students, 'elsewhere'>>
  readonly comparisons: Pick<Comparisons, 'task' | 'latest'>
}

export interface StepStatus {
  readonly kind: 'todo' | 'running' | 'done'
  /** Shown next to the link; may be empty. */
  readonly short: string
  /** The link's accessible description. */
  readonly long: string
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
const todo = (long: string): StepStatus => ({ kind: 'todo', short: '', long })
const done = (long: string, count?: number): StepStatus => ({
  kind: 'done',
  short: count === undefined ? '' : compact.format(count),
  long,
})
const running = (long: string, part = 0, total = 0): StepStatus => ({
  kind: 'running',
  short: total > 0 ? `${Math.floor((100 * part) / total)} %` : '…',
  long,
})

/** Of a run or a training that can be resumed; one that nobody paused or stopped was interrupted. */
const paused = (status: string): StepStatus => {
  const known = status === 'stopped' || status === 'failed' || status === 'paused'
  const name = known ? status : 'interrupted'
  return { kind: 'todo', short: name, long: name }
}

/** “a judge and an embedder”. */
const listRoles = (some: readonly Pick<Teacher, 'role'>[]): string =>
  some.map(({ role }) => `${/^[aeiou]/.test(role) ? 'an' : 'a'} ${role}`).join(' and ')

/** The status of every step of a project. */
export function stepStatuses({
  seeds,
  teacher,
  roles,
  recipe,
  runs,
  datasets,
  students,
  comparisons,
}: ProjectState): Readonly<Record<ScreenName, StepStatus>> {
  const others = roles.all.filter(({ role }) => role !== 'teacher')
  const other = others.find(({ loading }) => loading.running)
  const owned = listRoles(others.filter(({ available }) => available !== undefined))
  const run = runs.task.progress
  const training = students.task.progress
  const comparing = comparisons.task.progress
  return {
    seeds: seeds.task.running
      ? running('being read')
      : seeds.count > 0
        ? done(countOf(seeds.count, 'seed'), seeds.count)
        : todo('none yet'),
    teacher: teacher.loading.running
      ? running('loading', teacher.loading.progress?.done, teacher.loading.progress?.total)
      : other !== undefined
        ? running(`loading the ${other.role}`, other.loading.progress?.done, other.loading.progress?.total)
        : teacher.available
          ? done(owned === '' ? 'loaded' : `loaded, and ${owned} of its own`)
          : todo(owned === '' ? 'not loaded' : `not loaded, only ${owned} is`),
    recipe:
      recipe.problems.length > 0
        ? todo(countOf(recipe.problems.length, 'problem'))
        : recipe.changed
          ? todo('changed, not in use yet')
          : done('ready'),
    run: runs.task.running
      ? running('running', run?.done, run?.total)
      : runs.elsewhere?.holder !== undefined
        ? running('running in another tab')
        : runs.latest?.status === 'finished'
          ? done(`finished, ${runs.kept} kept`, runs.kept)
          : runs.latest
            ? paused(runs.latest.status)
            : todo('not started'),
    dataset: datasets.list[0]
      ? done('frozen', datasets.list[0].rows.train + datasets.list[0].rows.heldOut)
      : todo('not frozen'),
    student: students.task.running
      ? running('training', training?.step, training?.steps)
      : students.elsewhere?.holder !== undefined
        ? running('training in another tab')
        : students.latest?.status === 'trained'
          ? done('trained')
          : students.latest
            ? paused(students.latest.status)
            : todo('not trained'),
    compare: comparisons.task.running
      ? running('running', comparing?.done, comparing?.total)
      : comparisons.latest
        ? done('compared')
        : todo('not compared'),
    'take-home': todo(datasets.list[0] ? 'files are ready' : 'nothing yet'),
  }
}
