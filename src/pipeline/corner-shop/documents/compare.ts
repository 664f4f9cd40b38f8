// Knows: two completions of one prompt, and which has the higher true score. Several in one chat, as turns.
import { BETTER_PREFIX, writePairChat } from '../../templates/judge-chat.ts'
import { rubricOf, RUBRIC_NAMES } from '../../templates/rubrics.ts'
import { chance, pick } from '../draws.ts'
import { drawItemSource } from '../items.ts'
import { assistantMessage, messagesOf, type DocumentKind } from './document.ts'

export const compare: DocumentKind = {
  name: 'compare',
  weight: 8,
  draw(rng, { items, isHeldOut }) {
    const name = pick(RUBRIC_NAMES, rng)
    const rubric = rubricOf(name, '')
    const turns = Array.from({ length: items }, () => {
      for (;;) {
        const source = drawItemSource(rng, isHeldOut)
        const pair = [source.draw(rng), source.draw(rng)] as const
        const [one, other] = pair.map(({ scores }) =>
          name.startsWith('helpfulness') ? scores.helpfulness : scores.correctness,
        ) as [number, number]
        if (one === other) continue
        const [a, b] = chance(0.5, rng) ? pair : [pair[1], pair[0]]
        const aIsBetter = (a === pair[0]) === one > other
        return {
          input: messagesOf(writePairChat(rubric, source.prompt, a.completion, b.completion)),
          answer: assistantMessage(`${BETTER_PREFIX} ${aIsBetter ? 'A' : 'B'}`),
        }
      }
    })
    const shared = turns[0]?.input.slice(0, -1) ?? []
    return {
      kind: 'chat',
      messages: [...shared, ...turns.flatMap(({ input, answer }) => [...input.slice(-1), answer])],
      learnFrom: shared.length,
      times: 8,
    }
  },
}
