// Knows: which tokens of a vocabulary structure a chat or end a text, by their role and not only by the file's flag: files often declare
// them as ordinary added words. A message must never become one of them.
// Must not know: how texts are split at tokens.

/** Control tokens in every vocabulary that adds them, by the names that model families use. */
const NAMES: ReadonlySet<string> = new Set([
  '<s>',
  '</s>',
  '<unk>',
  '<pad>',
  '<bos>',
  '<eos>',
  '<cls>',
  '<sep>',
  '<mask>',
  '<EOT>',
  '[INST]',
  '[/INST]',
  '[SYSTEM_PROMPT]',
  '[/SYSTEM_PROMPT]',
  '[AVAILABLE_TOOLS]',
  '[/AVAILABLE_TOOLS]',
  '[TOOL_CALLS]',
  '[TOOL_RESULTS]',
  '[/TOOL_RESULTS]',
  '[THINK]',
  '[/THINK]',
  '<<SYS>>',
  '<</SYS>>',
])

/** "<|user|>", "<｜User｜>", "<|turn>" and "<turn|>", "◁think▷". */
const FORM = /^(?:<[|｜].{0,60}>|<.{0,60}[|｜]>|◁.{0,60}▷)$/su

/** Whether a token is a control token by its name, whatever its flag: Phi-3's files call `</s>` an added word. */
export const isControlName = (token: string): boolean => NAMES.has(token)

const LONGEST = 64
/** Begins a control token of the names or the form above. */
const ANYWHERE =
  /<[|｜][^<>\n]{0,60}>|<[^<>|｜\n]{0,60}[|｜]>|◁[^◁▷\n]{0,60}▷|<\/?s>|<(?:unk|pad|bos|eos|cls|sep|mask|EOT)>|<<\/?SYS>>|<(?:start|end)_of_(?:turn|utterance)>|\[\/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|THINK)\]/gu

/** A word joiner: no width, no line break, and part of no control token. */
const JOINER = '\u2060'

/**
 * A text whose control tokens are broken up by an invisible character after their first one, for programs that encode messages themselves and
 * take control tokens from them. Texts without control tokens are returned as they are.
 */
export const breakControlTokens = (text: string): string =>
  text.replaceAll(ANYWHERE, (token) => token[0] + JOINER + token.slice(1, LONGEST + 8))

/** A token of structure: it has more than letters, digits and blanks. */
const isMarker = (token: string): boolean => /[^\p{L}\p{N}\s▁]/u.test(token)

export interface RoleSources {
  /** Added tokens: those that can be matched literally. */
  readonly addedTokens: readonly { readonly id: number; readonly content: string }[]
  readonly specialIds: ReadonlySet<number>
  readonly endIds: ReadonlySet<number>
  readonly startIds: readonly number[]
  /** Whether the chat template writes this text. */
  readonly isInTemplate: (token: string) => boolean
}

/** Ids of all control tokens: flagged as such, ending or starting texts, named or formed like one, or written by the chat template. */
export function findControlIds({
  addedTokens,
  specialIds,
  endIds,
  startIds,
  isInTemplate,
}: RoleSources): Set<number> {
  const ids = new Set([...specialIds, ...endIds, ...startIds])
  for (const { id, content } of addedTokens)
    if (isControlName(content) || FORM.test(content) || (isMarker(content) && isInTemplate(content)))
      ids.add(id)
  return ids
}
