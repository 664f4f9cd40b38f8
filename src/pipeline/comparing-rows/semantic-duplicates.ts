// Knows: the step that drops rows whose meaning is that of an earlier row, by the cosine of their embeddings.
// Must not know: which model embeds.
import { dropped, kept, type FilterDecision } from '../../domain/filter-decision.ts'
import { choice, realNumber, role, toggle } from '../../domain/settings.ts'
import { embed, pause } from '../programs/program.ts'
import { defineTogether } from '../stages/stage.ts'
import { centre, NearestVectors } from './nearest-vectors.ts'

export const semanticDuplicates = defineTogether({
  family: 'compare',
  name: 'semantic-duplicates',
  title: 'Semantic duplicates',
  help: 'Drops rows that mean the same as an earlier one, in whatever words: an embedding model makes a vector of each, and vectors with a high cosine count as equal. The first of similar rows is kept.',
  source: {
    citation: 'SemDeDup (Abbas et al. 2023); default threshold of distilabel',
    link: 'https://arxiv.org/abs/2303.09540',
  },
  settings: {
    by: role({ default: 'embedder' }),
    of: choice({
      label: 'Alike in',
      help: 'What is compared: the prompt, the completion, or the prompt with its completion.',
      choices: ['prompt', 'completion', 'prompt and completion'],
      default: 'completion',
    }),
    threshold: realNumber({
      label: 'Threshold',
      help: 'Rows whose cosine with an earlier kept row is higher are dropped. 0.9 suits most sentence encoders; lower drops more.',
      from: 0,
      to: 1,
      default: 0.9,
    }),
    centred: toggle({
      label: 'Subtract the mean',
      help: 'Takes the mean of all vectors away first. Needed with a chat model as embedder: to it all texts look alike.',
      default: false,
    }),
  },
  needs: ({ by }) => [
    {
      role: by,
      ability: 'embeddings',
      without: (model) =>
        `${model} gives no embeddings, so rows cannot be compared by their meaning. Load a sentence encoder for the role “${by}” on the Teacher screen, or remove the step.`,
    },
  ],
  hold: ({ prompt, completion }, { of }) =>
    of === 'prompt' ? prompt : of === 'completion' ? completion.text : `${prompt}\n\n${completion.text}`,
  *together(texts, { by, threshold, centred }) {
    const embedded = yield* embed(by, texts)
    const width = embedded.find(({ refusal }) => refusal === undefined)?.vector.length ?? 0
    const decisions: FilterDecision[] = []
    const similar = new Map<number, { to: number; score: number }>()
    const middle = centred
      ? yield* centre(
          embedded.map(({ vector }) => vector),
          width,
        )
      : undefined
    const earlier = new NearestVectors(width, embedded.length)
    for (let from = 0; from < embedded.length; from += ROWS_PER_SEARCH) {
      const block = embedded.slice(from, from + ROWS_PER_SEARCH)
      const compared = block.flatMap(({ vector, refusal }, i) =>
        refusal === undefined && vector.length === width ? [{ name: from + i, vector }] : [],
      )
      const near = yield* earlier.addUnlessNear(compared, threshold, middle)
      const found = new Map(compared.map(({ name }, i) => [name, near[i]]))
      for (const [i, { refusal = 'its vector has another length', cut }] of block.entries()) {
        const at = from + i
        const like = found.get(at)
        const evidence = cut ? { embedded: 'its beginning alone: it is longer than the model reads' } : {}
        if (like !== undefined) similar.set(at, { to: like.at, score: like.cosine })
        decisions.push(
          !found.has(at)
            ? kept({ 'not compared': refusal })
            : like === undefined
              ? kept(evidence)
              : dropped('similar in meaning to an earlier row', { ...evidence, cosine: like.cosine }),
        )
      }
      yield* pause()
    }
    return { decisions, similar }
  },
})

/** Rows that are compared with each earlier one while it is at hand. */
const ROWS_PER_SEARCH = 32
