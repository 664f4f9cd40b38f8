// Knows: what a template of a person's own is, and who fills it in: the interpreter (row-template.ts) is provided by the check of recipes,
// because a project's first screen lists the steps and has no room for it.
import type { ChatMessage } from '../../domain/completion-request.ts'
import type { Fields } from '../../domain/fields.ts'
import type { Checked } from '../../domain/problem.ts'

/** What a template may read of a row. */
export interface TemplateValues {
  /** The last message of the person's. */
  readonly prompt: string
  /** The whole conversation up to `prompt`: a system message, earlier turns of both sides, and `prompt` itself. */
  readonly messages: readonly ChatMessage[]
  /** `messages` as one text. */
  readonly conversation: string
  readonly completion: string
  /** The known answer; empty if there is none. */
  readonly reference: string
  readonly fields: Fields
}

/** The values that follow from a row's texts. */
export function templateValues({
  earlier = [],
  prompt,
  ...rest
}: Omit<TemplateValues, 'messages' | 'conversation'> & {
  readonly earlier?: readonly ChatMessage[] | undefined
}): TemplateValues {
  const messages: ChatMessage[] = [...earlier, { role: 'user', content: prompt }]
  return { prompt, messages, conversation: messages.map(writeTurn).join('\n\n'), ...rest }
}

const SPEAKERS = { system: 'System', user: 'User', assistant: 'Assistant' } as const

const writeTurn = ({ role, content }: ChatMessage): string => `${SPEAKERS[role]}: ${content}`

/** Fills in a template. Throws an Error with a sentence if it fails or exceeds a limit. */
export type RowTemplate = (values: TemplateValues) => string

/** The template, or the problem with it: “it …”. */
type Compile = (text: string) => Checked<RowTemplate>

let compile: Compile | undefined

export const provideTemplates = (provided: Compile): void => void (compile = provided)

/** Only after a recipe was checked. */
export function compileTemplate(text: string): Checked<RowTemplate> {
  if (compile === undefined) throw new TypeError('no recipe was checked before this template')
  return compile(text)
}

/** Why a template failed. */
export const sentenceOf = (thrown: unknown): string =>
  thrown instanceof RangeError
    ? 'its nesting is too deep or it grows too large'
    : (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, 300)
