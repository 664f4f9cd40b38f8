// Knows: how each step of the way says where it stands: a sign for the eye and a sentence for the ear.
import type { ScreenName } from './route.svelte.ts'
import type { Workspace } from './workspace.svelte.ts'

export interface Mark {
  readonly kind: 'todo' | 'going' | 'done'
  /** Beside the link; may be empty. */
  readonly short: string
  /** As the link's description. */
  readonly long: string
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const todo = (long: string): Mark => ({ kind: 'todo', short: '', long })
const done = (long: string, count?: number): Mark => ({
  kind: 'done',
  short: count === undefined ? '' : compact.format(count),
  long,
})
const going = (long: string, part = 0, total = 0): Mark => ({
  kind: 'going',
  short: total > 0 ? `${Math.floor((100 * part) / total)} %` : '…',
  long,
})

/** Where every step of a project stands. */
export function tellMarks({
  seeds,
  teacher,
  recipe,
  runs,
  datasets,
  students,
  comparisons,
}: Workspace): Readonly<Record<ScreenName, Mark>> {
  const run = runs.task.progress
  const training = students.task.progress
  const comparing = comparisons.task.progress
  return {
    seeds: seeds.task.going
      ? going('being read')
      : seeds.count > 0
        ? done(`${seeds.count} seeds`, seeds.count)
        : todo('none yet'),
    teacher: teacher.loading.going
      ? going('loading', teacher.loading.progress?.done, teacher.loading.progress?.total)
      : teacher.description
        ? done('loaded')
        : todo('not loaded'),
    recipe:
      recipe.problems.length > 0
        ? todo(`${recipe.problems.length} problems`)
        : recipe.changed
          ? todo('changed, not in use yet')
          : done('ready'),
    run: runs.task.going
      ? going('going', run?.done, run?.total)
      : runs.latest?.status === 'finished'
        ? done(`finished, ${runs.kept} kept`, runs.kept)
        : runs.latest
          ? { kind: 'todo', short: '‖', long: 'interrupted' }
          : todo('not started'),
    dataset: datasets.list[0]
      ? done('frozen', datasets.list[0].rows.train + datasets.list[0].rows.heldOut)
      : todo('not frozen'),
    student: students.task.going
      ? going('training', training?.step, training?.steps)
      : students.latest?.status === 'trained'
        ? done('trained')
        : students.latest
          ? { kind: 'todo', short: '‖', long: 'interrupted' }
          : todo('not trained'),
    compare: comparisons.task.going
      ? going('going', comparing?.done, comparing?.total)
      : comparisons.latest
        ? done('compared')
        : todo('not compared'),
    'take-home': todo(datasets.list[0] ? 'files are ready' : 'nothing yet'),
  }
}
