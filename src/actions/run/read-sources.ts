// Knows: what a grow step grows from: the seeds, or the prompts of the grow steps before it.
import type { Fields } from '../../domain/fields.ts'
import type { SeedId } from '../../domain/id.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { Seed } from '../../domain/seed.ts'
import type { Source } from '../../pipeline/growing/growth.ts'
import { sampleShown } from '../../pipeline/growing/sample-shown.ts'
import { ConversationCounter, type SeedConversations } from '../../pipeline/growing/seed-conversations.ts'
import type { RunContext } from './run-context.ts'

export interface Sources {
  /** How many there are. */
  readonly count: number
  /** Those that growing may use, with the messages before them and the seed's own fields. */
  readonly shown: readonly Source[]
  readonly conversations: SeedConversations
  /** Texts that a new prompt must differ from. */
  readonly texts: readonly string[]
}

/** All seeds; a sample of many is shown. Only conversations and fields of those shown are held in memory. */
export async function readSeeds({ store, recipe, limit }: RunContext): Promise<Sources> {
  const seeds: Source[] = []
  const counter = new ConversationCounter()
  let isPlain = true
  for await (const page of store.seeds())
    for (const seed of page) {
      seeds.push({ id: seed.id, seedId: seed.id, text: seed.text })
      counter.add(seed)
      isPlain &&= seed.earlier === undefined && seed.fields === undefined
    }
  const shown = limit === undefined ? sampleShown(seeds, recipe.rngSeed) : seeds
  const sources = {
    count: seeds.length,
    conversations: counter.counts,
    texts: seeds.map(({ text }) => text),
  }
  if (isPlain) return { ...sources, shown }
  const isShown = new Set<string>(shown.map(({ id }) => id))
  const more = new Map<string, Pick<Seed, 'earlier' | 'fields'>>()
  for await (const page of store.seeds())
    for (const { id, earlier, fields } of page)
      if (isShown.has(id) && (earlier || fields))
        more.set(id, { ...(earlier ? { earlier } : {}), ...(fields ? { fields } : {}) })
  return { ...sources, shown: shown.map((seed) => ({ ...seed, ...more.get(seed.id) })) }
}

/** The prompts so far, for a grow step that is not the first; they have those of their fields that are the seed's own. */
export async function readPrompts(
  { store, limit }: RunContext,
  prompts: readonly Prompt[],
  rngSeed: string,
): Promise<Sources> {
  const counter = new ConversationCounter()
  for (const prompt of prompts) counter.add(prompt)
  const withFields = new Set(prompts.flatMap(({ fields, seedId }) => (fields ? [seedId] : [])))
  const fieldsOf = new Map<SeedId, Fields>()
  const texts: string[] = []
  for await (const page of store.seeds())
    for (const { id, text, fields } of page) {
      texts.push(text)
      if (fields && withFields.has(id)) fieldsOf.set(id, fields)
    }
  const sources = prompts.map((prompt): Source => {
    const { id, seedId, text, earlier } = prompt
    const fields = findOwnFields(prompt, fieldsOf.get(seedId))
    return {
      id,
      prompt: id,
      seedId,
      text,
      ...(earlier ? { earlier } : {}),
      ...(fields ? { fields } : {}),
    }
  })
  for (const { text } of prompts) texts.push(text)
  return {
    count: sources.length,
    shown: limit === undefined ? sampleShown(sources, rngSeed) : sources,
    conversations: { ...counter.counts, of: 'prompt' },
    texts,
  }
}

/** What a tag said of a prompt need not be true of one that is made from it. */
function findOwnFields({ fields = {} }: Prompt, seed: Fields = {}): Fields | undefined {
  const own = Object.entries(fields).filter(
    ([name, value]) => Object.hasOwn(seed, name) && seed[name] === value,
  )
  return own.length === 0 ? undefined : Object.fromEntries(own)
}
