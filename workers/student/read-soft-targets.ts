// Knows: how the stored soft targets of a student's teachers are read and checked: the distributions, and the one vocabulary or the
// classes that they are over.
import type { StudentPreset } from '../../src/domain/student.ts'
import { tokenizerFromJson } from '../../src/engine/tokenizers/files/json-tokenizer.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'
import type { TeacherRow } from '../../src/engine/training/packing.ts'
import { MIN_PROBABILITY } from '../../src/engine/training/distillation.ts'
import {
  readSoftTargetFile,
  type SoftTargetFile,
  type SoftTargetHeader,
} from '../../src/engine/training/soft-target-file.ts'
import { refuseWidths } from '../../src/pipeline/training/hidden-widths.ts'
import { planOf } from '../../src/pipeline/training/index.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { TrainRequest } from '../../src/protocol/student.ts'
import type { StudentStores } from './stores.ts'

export interface SoftTargetSet {
  /** [teacher][training row], in the order of the rows. */
  readonly rows: readonly (readonly TeacherRow[])[]
  /** One per teacher. */
  readonly weights: readonly number[]
  /** Names of the classes, if the distributions are over classes and not over tokens. */
  readonly labels?: readonly string[]
  /** Absent if the student has its own vocabulary. */
  readonly tokenizer?: {
    readonly tokenizer: TextTokenizer
    readonly tokenizerFiles: { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown }
  }
}

/**
 * Undefined for a loss that needs no teacher. Throws ModelMissing if a file is gone, and ModelRefused if one cannot be used or several
 * do not match: they must have the same vocabulary, the settings' temperature and the same k.
 */
export async function readSoftTargets(
  { projectId, settings, softTargets, teachers }: TrainRequest,
  stores: StudentStores,
): Promise<SoftTargetSet | undefined> {
  const { teacher: need } = planOf(settings)
  if (need === undefined) return undefined
  const named = teachers ?? (softTargets === undefined ? [] : [{ softTargets, weight: 1 }])
  if (named.length === 0) throw new RetortError('ModelMissing', GONE)
  const shares = named.filter(({ weight }) => weight !== 0)
  if (shares.length === 0 || !shares.every(({ weight }) => weight > 0 && Number.isFinite(weight)))
    throw new RetortError(
      'ModelRefused',
      'The weights of a student’s teachers must be at least 0, and one of them above 0. Set them on the Student screen, and train a new student.',
    )
  const files: SoftTargetFile[] = []
  for (const share of shares) files.push(await readOne(projectId, share.softTargets, stores))
  const [first] = files as [SoftTargetFile, ...SoftTargetFile[]]
  const weights = shares.map(({ weight }) => weight)
  if (need.kind === 'labels') {
    if (first.header.labels === undefined)
      throw new RetortError(
        'ModelRefused',
        'The teacher’s stored soft targets cannot be used: they are not over classes. Load the teacher and train a new student.',
      )
    return { rows: files.map(({ rows }) => rows), weights, labels: first.header.labels }
  }
  const { temperature } = need
  const usesHidden = need.kind === 'before' && need.hidden
  for (const { header } of files)
    checkHeader(header, first.header, { temperature, usesHidden, preset: settings.preset })
  const tokenizer = readTokenizer(first.header.tokenizer)
  if (
    files.some(({ rows }) =>
      rows.some(({ ids }) => ids.some((id) => id >= tokenizer.tokenizer.vocabularySize)),
    )
  )
    throw new RetortError(
      'ModelRefused',
      'The teacher’s stored soft targets cannot be used: they contain tokens that are not in the vocabulary. Load the teacher and train a new student.',
    )
  return {
    rows: files.map(({ rows }) => rows.map((row) => clampProbabilities(row, usesHidden))),
    weights,
    tokenizer,
  }
}

const GONE =
  'The teacher’s soft targets for this student are no longer stored. Load the teacher and train a new student.'

async function readOne(
  projectId: TrainRequest['projectId'],
  file: string,
  stores: StudentStores,
): Promise<SoftTargetFile> {
  const bytes = await stores.readSoftTargets(projectId, file)
  if (!bytes) throw new RetortError('ModelMissing', GONE)
  const read = readSoftTargetFile(bytes)
  if (!read.ok) throw new RetortError('ModelRefused', read.sentence)
  const { header, rows } = read.file
  if (rows.length < header.rows)
    throw new RetortError(
      'ModelRefused',
      `The teacher’s stored soft targets cannot be used: only ${rows.length} of ${header.rows} rows are stored. Load the teacher and train a new student.`,
    )
  return read.file
}

/** Checks a file's header against the first file's header and the settings. Throws ModelRefused. */
function checkHeader(
  header: SoftTargetHeader,
  first: SoftTargetHeader,
  {
    temperature,
    usesHidden,
    preset,
  }: { readonly temperature: number; readonly usesHidden: boolean; readonly preset: StudentPreset },
): void {
  const [one, other] = [nameOf(first), nameOf(header)]
  const refuse = (reason: string): never => {
    throw new RetortError(
      'ModelRefused',
      `${reason} Set the weight of one of them to 0 on the Student screen, or load it and compute its soft targets again with the same settings.`,
    )
  }
  if (header.temperature !== temperature)
    throw new RetortError(
      'ModelRefused',
      `The soft targets of ${other} were stored at temperature ${header.temperature}, and this student trains at ${temperature}. Set the temperature to ${header.temperature}, or load the teacher and compute them again.`,
    )
  if (header.topK !== first.topK)
    refuse(
      `The soft targets of ${one} have the top ${first.topK} tokens and those of ${other} the top ${header.topK}: a student cannot learn from both at once.`,
    )
  if (header.tokenizer.json !== first.tokenizer.json)
    throw new RetortError(
      'ModelRefused',
      `${one} and ${other} have different vocabularies, and a student can use only one. Set the weight of one of them to 0 on the Student screen.`,
    )
  if (!usesHidden) return
  if (!header.hidden)
    throw new RetortError(
      'ModelRefused',
      `The hidden states of ${other} were not stored with its soft targets. Load it and train a new student, which computes them, or set “Hidden state loss weight” to 0.`,
    )
  const unequal = refuseWidths(preset, { name: other, width: header.hidden.width })
  if (unequal !== undefined) throw new RetortError('ModelRefused', unequal)
}
const nameOf = ({ teacher }: SoftTargetHeader): string => teacher?.name ?? 'a teacher without a name'

function readTokenizer({
  json,
  config,
}: {
  readonly json: string
  readonly config: string
}): NonNullable<SoftTargetSet['tokenizer']> {
  try {
    const [tokenizerJson, tokenizerConfig]: unknown[] = [JSON.parse(json), JSON.parse(config)]
    return {
      tokenizer: tokenizerFromJson(tokenizerJson, tokenizerConfig),
      tokenizerFiles: { tokenizerJson, tokenizerConfig },
    }
  } catch (thrown) {
    throw new RetortError(
      'ModelRefused',
      'The teacher’s stored soft targets cannot be used: their vocabulary is corrupt. Load the teacher and train a new student.',
      { cause: thrown },
    )
  }
}

/** Raises small probabilities, whose logarithms would dominate a loss. Hidden states that the loss does not use are dropped. */
export const clampProbabilities = ({ hidden, ...row }: TeacherRow, usesHidden = false): TeacherRow => ({
  ...row,
  probabilities: row.probabilities.map((probability) => Math.max(probability, MIN_PROBABILITY)),
  ...(hidden && usesHidden ? { hidden } : {}),
})
