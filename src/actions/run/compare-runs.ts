// Knows: how two stored runs are compared: their settings and models, their funnels, their scores, and the rows that differ.
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { FunnelBar, Run } from '../../domain/run.ts'
import { align, type Aligned } from '../../pipeline/comparing-runs/align.ts'
import { compareRecipes, type SettingDifference } from '../../pipeline/comparing-runs/compare-recipes.ts'
import {
  alignScores,
  RowPairs,
  ScoreMeans,
  type PairedRow,
  type PairedRows,
  type ScoreMean,
} from '../../pipeline/comparing-runs/pair-rows.ts'
import { checkRecipeText } from '../../pipeline/recipes/check-recipe.ts'
import type { Database } from '../../storage/database.ts'
import { computeFunnel } from './funnel.ts'

export interface RunsCompared {
  readonly settings: readonly SettingDifference[]
  readonly funnel: readonly Aligned<FunnelBar>[]
  readonly scores: readonly Aligned<ScoreMean>[]
  readonly rows: PairedRows
}

/** Reads both runs in pages, one after the other. Refused if the recipe of one is no longer valid; rejects with the signal's reason when aborted. */
export async function compareRuns(
  db: Database,
  { first, second }: { readonly first: Run; readonly second: Run },
  signal: AbortSignal,
): Promise<Checked<RunsCompared>> {
  const [a, b] = [checkRecipeText(first.recipeText), checkRecipeText(second.recipeText)]
  if (!a.ok || !b.ok)
    return refuse({
      sentence: `The recipe of the ${a.ok ? 'second' : 'first'} run is not valid in this version, so these runs cannot be compared. Choose another run.`,
    })
  const pairs = new RowPairs(a.value, b.value)
  const read = async (run: Run, recipe: CheckedRecipe, add: (row: PairedRow) => void) => {
    const means = new ScoreMeans()
    const funnel = await computeFunnel(db, run.projectId, run.id, recipe, (row) => {
      signal.throwIfAborted()
      means.add(row)
      add(row)
    })
    return { funnel, scores: means.result() }
  }
  const one = await read(first, a.value, (row) => pairs.addFirst(row))
  const two = await read(second, b.value, (row) => pairs.addSecond(row))
  return accept({
    settings: [...compareModels(first, second), ...compareRecipes(a.value, b.value)],
    funnel: align(one.funnel, two.funnel, ({ of, name }) => `${of} ${name}`),
    scores: alignScores(one.scores, two.scores),
    rows: pairs.result(),
  })
}

/** Roles whose models differ. Without a model of its own a role is the teacher's. */
function compareModels(first: Run, second: Run): SettingDifference[] {
  const modelsOf = ({ teacher, judge, models = {} }: Run): ReadonlyMap<string, string> =>
    new Map(
      [
        ['teacher', teacher] as const,
        ...(judge ? [['judge', judge] as const] : []),
        ...Object.entries(models).map(([role, { model }]) => [role, model] as const),
      ].map(([role, { name, quantisation, fingerprint }]) => [
        role,
        `${name}, ${quantisation} (${fingerprint.slice(0, 8)})`,
      ]),
    )
  const [a, b] = [modelsOf(first), modelsOf(second)]
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((role) => {
    const [one, two] = [a.get(role) ?? 'the teacher', b.get(role) ?? 'the teacher']
    return one === two ? [] : [{ setting: `Model for: ${role}`, first: one, second: two }]
  })
}
