// Knows: Evol-Instruct's reasons to reject an evolved task that need no model, and those that read an answer.
// Source: Xu et al. 2023, section 3.3 (no gain, “sorry” in fewer than 80 words, only punctuation and stop words, words of the prompt).
import { dropped, type FilterDecision } from '../../domain/filter-decision.ts'
import { TEMPLATE_WORDS } from '../templates/evol-instruct.ts'
import { countWords, tokensOf } from '../words.ts'

/** An answer with “sorry” is a refusal if it is shorter than this. */
const SORRY_WORDS = 80

/** English words that carry no answer by themselves. */
const STOP_WORDS = new Set(
  'a an and are as at be but by can could did do does for from had has have he her his i if in into is it its just me my no nor not of on or our she should so some such than that the their them then there these they this those to too very was we were what when where which who will with would yes you your'.split(
    ' ',
  ),
)

/** A task that repeats words of the request for it, is empty, or is too long. */
export function rejectText(text: string, before: string, maxWords: number): FilterDecision | undefined {
  const lower = text.toLowerCase()
  if (text === '') return dropped('the teacher returned no task')
  const leaked = TEMPLATE_WORDS.find(
    (words) => lower.includes(words) && !before.toLowerCase().includes(words),
  )
  if (leaked !== undefined) return dropped(`repeats the request for it: “${leaked}”`, { words: leaked })
  if (lower === before.toLowerCase()) return dropped('is the same text as before')
  const words = countWords(text)
  if (words > maxWords) return dropped(`${words} words, more than ${maxWords}`, { words })
  return undefined
}

/** A task that the teacher cannot respond to, by its answer. */
export function rejectAnswer(answer: string): FilterDecision | undefined {
  const words = countWords(answer)
  if (/\bsorry\b/iu.test(answer) && words < SORRY_WORDS)
    return dropped('the teacher declines to respond to it', { words })
  if (!/[\p{L}\p{N}]/u.test(answer) || tokensOf(answer).every((word) => STOP_WORDS.has(word)))
    return dropped('the response to it has no content', { words })
  return undefined
}
