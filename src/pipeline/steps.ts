// Knows: every member of every family of steps: the one list from which the recipe's schema, its form and its help follow.
// Must not know: YAML, forms, workers.
//
// What the rest of the program calls (all pure; problems are values):
//   recipes/parse-recipe.ts    parseRecipe(yamlText): Checked<RecipeDraft>          never throws
//   recipes/check-recipe.ts    checkRecipe(draft): Checked<CheckedRecipe>           sentences with step index and field
//                              checkRecipeText(yamlText): Checked<CheckedRecipe>    both at once
//   recipes/check-teacher.ts   checkAgainstTeacher(recipe, description): Problem[]
//   recipes/write-recipe.ts    writeRecipe(recipe): string
//   recipes/default-recipe.ts  defaultRecipe(): RecipeDraft, defaultStep(declaration): StepDraft
//   recipes/read-steps.ts      readSteps(recipe): { grow?, complete, filters, judge?, keeps, freeze, train } with typed settings and indices
//   growing/self-instruct.ts   planGrowth(...): GrowthRequest[], growthEnded(...)
//   growing/read-grown.ts      readGrown(request, result, settings): Candidate[]; settlePrompts(...): Prompt[]; promptsFromSeeds(...): Prompt[]
//   novelty-pool.ts            NoveltyPool: decideAll(candidates, threshold), add(texts)
//   completing/complete.ts     planCompletions(...): PlannedRow[]
//   filters/decide-filters.ts  FilterBank: decide(row): StepAnswer[], remember(row)
//   judging/expected-score.ts  askVerdict(...): ScoreRequest, readVerdict(result, ...): Verdict
//   judging/pairwise.ts        askPair(...): ScoreRequest[2], readPair(results, ...): PairVerdict
//   selecting/select-rows.ts   selectRows(keeps, rows): Map<RowId, StepAnswer[]>
//   freezing/freeze-rows.ts    freezeRows(rows, settings): Checked<DatasetRow[]>
//   training/index.ts          trainSettingsOf(step, rngSeed): TrainSettings;  training/presets.ts shapeOf(preset, vocabulary, context)
//   estimate.ts                estimateRun(...): Estimate
//   seeds/read-seeds.ts        readSeeds(source, options): AsyncGenerator<SeedBatch>
//   exporting/index.ts         exportRows(rows, format): ExportedText;  exporting/data-card.ts writeDataCard(...)
//   examples.ts                parseExampleIndex(value), parseExample(value)
import type { StepDeclaration } from '../domain/recipe.ts'
import { complete } from './completing/complete.ts'
import { filterMembers } from './filters/index.ts'
import { split } from './freezing/split.ts'
import { selfInstruct } from './growing/self-instruct.ts'
import { rubric } from './judging/rubric.ts'
import { keepMembers } from './selecting/index.ts'
import { trainMembers } from './training/index.ts'

/** All members, families in the order in which a recipe holds them. */
export const stepDeclarations: readonly StepDeclaration[] = [
  selfInstruct,
  complete,
  ...filterMembers,
  rubric,
  ...keepMembers,
  split,
  ...trainMembers,
]

/** The member that a recipe calls `family: name`. */
export function findStep(family: string, name: string): StepDeclaration | undefined {
  return stepDeclarations.find((declaration) => declaration.family === family && declaration.name === name)
}

/** The members of one family, in the order in which they are offered. */
export function listSteps(family: string): readonly StepDeclaration[] {
  return stepDeclarations.filter((declaration) => declaration.family === family)
}
