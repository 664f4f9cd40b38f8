// Knows: the data card: how a dataset was made, by which model under which licence, what was dropped and why, and its limits.
import { stringify } from 'yaml'
import type { Dataset, DatasetRow } from '../../domain/dataset.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { SettingValues } from '../../domain/settings.ts'
import { checkRecipeText } from '../recipes/check-recipe.ts'
import { readSteps } from '../recipes/read-steps.ts'
import { countWords } from '../words.ts'

export interface CardFacts {
  /** Title of the card: the project's name. */
  readonly title: string
  readonly dataset: Dataset
  /** The dataset's rows, for counts and lengths; without them the card leaves those out. */
  readonly rows?: readonly DatasetRow[]
}

/** The card as Markdown, with the header that dataset hubs read. Every number in it comes from what is stored. */
export function writeDataCard({ title, dataset, rows }: CardFacts): string {
  const checked = checkRecipeText(dataset.recipeText)
  const recipe = checked.ok ? checked.value : undefined
  const total = dataset.rows.train + dataset.rows.heldOut
  const tags = ['synthetic', 'distillation', 'retort']
  const header = {
    pretty_name: title,
    task_categories: ['text-generation'],
    size_categories: [sizeCategory(total)],
    tags,
  }
  return (
    [
      `---\n${stringify(header, { lineWidth: 0 })}---`,
      `# ${flatten(title)}`,
      `${count(total, 'row')}: prompts and completions written by a language model on one person’s own machine and frozen on ${new Date(dataset.frozenAt).toISOString().slice(0, 10)}. The dataset’s id is the hash of its rows: \`${dataset.id}\`.`,
      writeModel(dataset, recipe),
      writeMaking(dataset, recipe),
      writeFunnel(dataset),
      writeSplit(dataset, recipe, rows),
      writeLimits(dataset, recipe, rows),
      `## Recipe\n\nHash \`${dataset.recipeHash}\`. To make the rows again, use this recipe with the same seeds, the same model file and the wasm backend.\n\n${fence(dataset.recipeText)}`,
    ].join('\n\n') + '\n'
  )
}

function writeModel({ teacher }: Dataset, recipe: CheckedRecipe | undefined): string {
  const licence =
    teacher.licence === undefined
      ? 'Its file names no licence: find out under which terms it may be used, and what they say of its output, before you pass these data on.'
      : `Its file names the licence **${flatten(teacher.licence)}**. Read what that licence says of the model’s output before you pass these data on.`
  const judge = recipe && readSteps(recipe).judge ? ' It also judged the completions.' : ''
  return `## Model\n\nWritten by **${flatten(teacher.name)}** (\`${code(teacher.quantisation)}\`; header fingerprint \`${code(teacher.fingerprint)}\`).${teacher.origin === undefined ? '' : ` Its files are those of \`${code(teacher.origin)}\`.`}${judge} ${licence} The seeds come from the person who made this dataset; their licence is theirs to name.`
}

function writeMaking({ seeds }: Dataset, recipe: CheckedRecipe | undefined): string {
  if (!recipe) return `## How it was made\n\nFrom ${count(seeds, 'seed')}, by the recipe below.`
  const { grow, complete, filters, judge, keeps } = readSteps(recipe)
  const { n, temperature, topP, topK, minP, repetitionPenalty, maxTokens, system } = complete.settings
  const lines = [
    grow
      ? `Prompts grown from ${count(seeds, 'seed')} by Self-Instruct (Wang et al. 2022): ${grow.settings.humanShots} human and ${grow.settings.machineShots} grown examples a request, new ones kept up to a ROUGE-L of ${grow.settings.novelty} with all before.${grow.settings.alsoSeeds ? ' The seeds were asked too.' : ''}`
      : `The ${count(seeds, 'seed')} asked as they are.`,
    `${count(n, 'completion')} a prompt, at most ${maxTokens} tokens, temperature ${temperature}, top-p ${topP}${topK > 0 ? `, top-k ${topK}` : ''}${minP > 0 ? `, min-p ${minP}` : ''}, repetition penalty ${repetitionPenalty}, ${system.trim() === '' ? 'no system prompt of our own' : 'with the system prompt in the recipe'}.`,
    ...filters.map(({ member, settings }) => `Filter *${member.title}*: ${listSettings(settings)}.`),
    ...(judge
      ? [
          `Judged by the rubric \`${judge.settings.rubric}\` on a scale of 1 to 5; a score is the expected value under the judge’s own token probabilities.`,
        ]
      : []),
    ...keeps.map(({ member, settings }) => `*${member.title}*: ${listSettings(settings)}.`),
  ]
  return `## How it was made\n\n${lines.map((line, i) => `${i + 1}. ${line}`).join('\n')}`
}

function writeFunnel({ funnel }: Dataset): string {
  if (funnel.length === 0) return '## What was dropped\n\nNo count was stored.'
  const lines = funnel.map(({ title, of, reached, passed, reasons }) => {
    const why = reasons.map(({ reason, count: times }) => `${cell(reason)} (${times})`).join('; ')
    return `| ${cell(title)} | ${of}s | ${reached} | ${passed} | ${reached - passed} | ${why} |`
  })
  return `## What was dropped\n\n| step | of | reached it | passed | dropped | reasons |\n| --- | --- | ---: | ---: | ---: | --- |\n${lines.join('\n')}`
}

function writeSplit(
  { rows: { train, heldOut }, seeds }: Dataset,
  recipe: CheckedRecipe | undefined,
  rows: readonly DatasetRow[] | undefined,
): string {
  const wanted = recipe && readSteps(recipe).freeze?.settings.heldOut
  const total = rows?.reduce((sum, { completion }) => sum + countWords(completion), 0) ?? 0
  const words =
    rows && rows.length > 0 ? ` Completions have ${Math.round(total / rows.length)} words on average.` : ''
  return `## Split\n\n| part | rows |\n| --- | ---: |\n| train | ${train} |\n| held-out | ${heldOut} |\n\nSplit by seed${wanted === undefined ? '' : ` (${Math.round(wanted * 100)} % wanted held out)`}: everything that descends from one of the ${count(seeds, 'seed')}, and every repetition of a prompt, stands on one side.${words}`
}

function writeLimits(
  { teacher }: Dataset,
  recipe: CheckedRecipe | undefined,
  rows: readonly DatasetRow[] | undefined,
): string {
  const edited = rows?.filter(({ editedByHand }) => editedByHand).length ?? 0
  const formula =
    rows?.some(({ prompt, completion, system }) =>
      [prompt, completion, system].some((text) => /^[=+\-@]/.test(text)),
    ) ?? true
  const lines = [
    `The texts are ${flatten(teacher.name)}’s, with its errors and its biases; no fact in them was checked.`,
    ...(recipe && readSteps(recipe).judge
      ? [
          'The judge is the model that wrote the texts. Such a judge tends to prefer its own style, and a small one hardly tells good from bad.',
        ]
      : ['No judge read the texts.']),
    'Near-duplicates were looked for by ROUGE-L only where the recipe says so; the data were not compared with public benchmarks.',
    ...(edited > 0 ? [`${count(edited, 'row')} ${edited === 1 ? 'was' : 'were'} edited by hand.`] : []),
    ...(formula
      ? [
          'In the CSV, cells may begin with =, +, - or @. They are left as they are; open the file as text, or a spreadsheet may take them for formulas.',
        ]
      : []),
  ]
  return `## Limits\n\n${lines.map((line) => `- ${line}`).join('\n')}`
}

const listSettings = (settings: SettingValues): string =>
  Object.entries(settings)
    .map(([field, value]) => `${field} ${String(value)}`)
    .join(', ')
const count = (n: number, word: string): string => `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`
const flatten = (text: string): string =>
  text
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(/[<>`*_[\]]/g, (mark) => `\\${mark}`)
    .trim()
/** Inside of backticks nothing is escaped, and nothing may close them. */
const code = (text: string): string => text.replaceAll(/[`\s]+/g, ' ').trim()
const cell = (text: string): string => flatten(text).replaceAll('|', '\\|')
/** A code block whose fence no line of the text can close. */
const fence = (text: string): string => {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const marks = '`'.repeat(longest + 1)
  return `${marks}yaml\n${text.trimEnd()}\n${marks}`
}
/** The hubs' own classes of size. */
const sizeCategory = (rows: number): string =>
  rows < 1e3
    ? 'n<1K'
    : rows < 1e4
      ? '1K<n<10K'
      : rows < 1e5
        ? '10K<n<100K'
        : rows < 1e6
          ? '100K<n<1M'
          : '1M<n<10M'
