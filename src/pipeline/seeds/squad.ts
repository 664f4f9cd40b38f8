// Knows: the nesting of SQuAD's original files: articles with paragraphs, each with its text and its questions.
// Must not know: how a record is read (record.ts).
import { isRecord } from './values.ts'

type JsonRecord = Readonly<Record<string, unknown>>

const recordsIn = (value: unknown): readonly JsonRecord[] | undefined =>
  Array.isArray(value) && value.every(isRecord) ? value : undefined

/**
 * One record per question, with its paragraph's `context` and what else is said of it and of the article; undefined if the list is not of
 * articles. An article or a paragraph without questions has none.
 */
export function flattenArticles(list: readonly unknown[]): readonly JsonRecord[] | undefined {
  const articles = recordsIn(list)
  if (articles === undefined || articles.length === 0) return undefined
  const flat: JsonRecord[] = []
  for (const { paragraphs, ...article } of articles) {
    const read = recordsIn(paragraphs)
    if (read === undefined) return undefined
    for (const { qas, ...paragraph } of read) {
      const questions = recordsIn(qas)
      if (questions === undefined) return undefined
      for (const question of questions) flat.push({ ...article, ...paragraph, ...question })
    }
  }
  return flat
}
