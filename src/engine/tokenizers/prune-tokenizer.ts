// Knows: how a teacher's byte-level BPE is pruned for a student: only the tokens that some texts use, with
// their merges, all 256 bytes, added words in the texts, and the student's own special tokens. It tokenizes
// those texts exactly as the teacher does; other texts fall back to shorter tokens and bytes.
import { CHARACTER_OF_BYTE } from './bpe/byte-alphabet.ts'
import { tokenizerFromJson } from './files/json-tokenizer.ts'
import {
  makeStudentTokenizerConfig,
  STUDENT_SPECIALS,
  type StudentTokenizerFiles,
} from './templates/student-template.ts'
import type { TextTokenizer } from './text-tokenizer.ts'
import { splitMerge } from './files/tokenizer-file.ts'
import { fieldOf, isRecord, listOf, textOf } from './files/unknown-json.ts'

export interface PrunedTokenizer extends StudentTokenizerFiles {
  readonly tokenizer: TextTokenizer
  /**
   * The teacher's id of each of the student's tokens; −1 for special tokens and for bytes without a token of
   * the teacher.
   */
  readonly teacherIds: Int32Array
}

/** The parts of the teacher's tokenizer.json that pruning needs. */
interface Parts {
  readonly file: Readonly<Record<string, unknown>>
  readonly model: Readonly<Record<string, unknown>>
  readonly idOf: ReadonlyMap<string, number>
  readonly merges: readonly (readonly [string, string])[]
  /** Added words, which are tokens without merges, by id. */
  readonly addedWords: ReadonlyMap<number, object>
}

/** The pruned tokenizer, or the sentence why there is none. `texts` are encoded as plain characters. */
export function pruneTokenizer(
  teacher: TextTokenizer,
  texts: Iterable<string>,
):
  | { readonly ok: true; readonly pruned: PrunedTokenizer }
  | { readonly ok: false; readonly sentence: string } {
  const parts = readParts(teacher.json)
  if (parts === undefined)
    return {
      ok: false,
      sentence:
        'This teacher’s vocabulary is not a byte-level BPE, so a student cannot share it. Train on the texts alone, or load another teacher.',
    }
  const used = new Set<number>()
  for (const text of new Set(texts)) for (const id of teacher.encode(text, { special: false })) used.add(id)
  const tokenOf = new Map([...parts.idOf].map(([token, id]) => [id, token]))
  const kept = new Set<string>(CHARACTER_OF_BYTE)
  const addedWords = [...parts.addedWords].filter(([id]) => used.has(id))
  const keptMerges = new Set<number>()
  const rankOf = new Map(parts.merges.map(([left, right], rank) => [`${left} ${right}`, rank]))
  for (const id of used) {
    const token = tokenOf.get(id) ?? textOf(parts.addedWords.get(id), 'content')
    if (token === undefined) continue
    kept.add(token)
    for (const rank of findMerges(token, rankOf)) {
      keptMerges.add(rank)
      const [left, right] = parts.merges[rank] as readonly [string, string]
      for (const part of [left, right, left + right]) kept.add(part)
    }
  }
  const wordIds = new Map(addedWords.map(([id, word]) => [textOf(word, 'content') ?? '', id]))
  const teacherIdOf = (token: string): number => parts.idOf.get(token) ?? wordIds.get(token) ?? -1
  const tokens = [
    ...STUDENT_SPECIALS,
    ...[...kept].toSorted((a, b) => teacherIdOf(a) - teacherIdOf(b) || (a < b ? -1 : 1)),
  ]
  const tokenizerJson = {
    ...parts.file,
    added_tokens: [
      ...STUDENT_SPECIALS.map((content, id) => ({
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      ...addedWords.map(([, word]) => ({ ...word, id: tokens.indexOf(textOf(word, 'content') ?? '') })),
    ],
    model: {
      ...parts.model,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [...keptMerges].toSorted((a, b) => a - b).map((rank) => parts.merges[rank]),
    },
  }
  const tokenizerConfig = makeStudentTokenizerConfig()
  const teacherIds = Int32Array.from(tokens, (token, id) =>
    id < STUDENT_SPECIALS.length ? -1 : teacherIdOf(token),
  )
  return {
    ok: true,
    pruned: {
      tokenizerJson,
      tokenizerConfig,
      tokenizer: tokenizerFromJson(tokenizerJson, tokenizerConfig),
      teacherIds,
    },
  }
}

/** Ranks of the merges that make a token from its characters, as far as merges exist. */
function* findMerges(token: string, rankOf: ReadonlyMap<string, number>): Generator<number> {
  const parts = [...token]
  for (;;) {
    let best = Infinity
    let at = -1
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = rankOf.get(`${parts[i]} ${parts[i + 1]}`)
      if (rank !== undefined && rank < best) [best, at] = [rank, i]
    }
    if (at < 0) return
    parts.splice(at, 2, `${parts[at]}${parts[at + 1]}`)
    yield best
  }
}

/**
 * Undefined for a vocabulary that is not in GPT-2's byte alphabet: its bytes have other names (SentencePiece),
 * or none.
 */
function readParts(json: unknown): Parts | undefined {
  const model = fieldOf(json, 'model')
  const [vocabulary, merges] = [fieldOf(model, 'vocab'), fieldOf(model, 'merges')]
  if (!isRecord(json) || !isRecord(model) || !isRecord(vocabulary) || !Array.isArray(merges)) return undefined
  if (fieldOf(model, 'byte_fallback') === true || textOf(fieldOf(json, 'decoder'), 'type') !== 'ByteLevel')
    return undefined
  const pairs = merges.flatMap((pair: unknown): [string, string][] => {
    const [left, right] =
      typeof pair === 'string'
        ? splitMerge(pair)
        : Array.isArray(pair)
          ? [pair[0] as unknown, pair[1] as unknown]
          : []
    return typeof left === 'string' && typeof right === 'string' ? [[left, right]] : []
  })
  const addedWords = listOf(json, 'added_tokens').flatMap((item): [number, object][] => {
    const id = fieldOf(item, 'id')
    return isRecord(item) && typeof id === 'number' && fieldOf(item, 'special') !== true ? [[id, item]] : []
  })
  const idOf = new Map(
    Object.entries(vocabulary).flatMap(([token, id]): [string, number][] =>
      typeof id === 'number' ? [[token, id]] : [],
    ),
  )
  return { file: { ...json }, model: { ...model }, idOf, merges: pairs, addedWords: new Map(addedWords) }
}
