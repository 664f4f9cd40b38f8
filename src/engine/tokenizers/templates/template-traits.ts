// Knows: what a chat template does, found out by rendering small chats with it.
// Must not know: Jinja, tokens.
import { endsInReasoning } from './reasoning-marks.ts'
import type { ChatMessageText } from './chat-message.ts'

export interface TemplateTraits {
  /** It has a place for a system message; else that text is put before the first message of the user. */
  readonly systemRole: boolean
  /** Reasoning can be switched on and off. */
  readonly switchesReasoning: boolean
  /** With reasoning off, as far as it can be, a prompt still ends inside reasoning. */
  readonly opensReasoning: boolean
  /** Why it renders not even the simplest chat. */
  readonly problem?: string
}

export type RenderChat = (
  messages: readonly ChatMessageText[],
  addGenerationPrompt: boolean,
  thinking: boolean | undefined,
) => string

const [SYSTEM, USER, ANSWER] = ['Qsystemq', 'Quserq', 'Qanswerq'] as const
const user: ChatMessageText = { role: 'user', content: USER }
const CHATS: Readonly<Record<'plain' | 'system' | 'turns', readonly ChatMessageText[]>> = {
  plain: [user],
  system: [{ role: 'system', content: SYSTEM }, user],
  turns: [user, { role: 'assistant', content: ANSWER }, user],
}

export interface ProbedTemplate {
  readonly traits: TemplateTraits
  /** The texts that it wrote, for finding its markers. */
  readonly samples: readonly string[]
}

/** Renders some chats of a few words each; never throws. */
export function probeTemplate(render: RenderChat): ProbedTemplate {
  let problem: string | undefined
  const samples: string[] = []
  const tryRender = (
    messages: readonly ChatMessageText[],
    thinking: boolean | undefined,
    addGenerationPrompt = true,
  ): string | undefined => {
    try {
      const text = render(messages, addGenerationPrompt, thinking)
      samples.push(text)
      return text
    } catch (thrown) {
      problem ??= thrown instanceof Error ? thrown.message : String(thrown)
      return undefined
    }
  }
  const chats = Object.values(CHATS)
  const off = chats.map((messages) => tryRender(messages, false))
  const [plain, system] = off
  const failed = plain === undefined && system === undefined
  const isBlank = !failed && (plain ?? '').trim() === '' && (system ?? '').trim() === ''
  if (failed || isBlank)
    return {
      traits: {
        systemRole: false,
        switchesReasoning: false,
        opensReasoning: false,
        problem: failed ? (problem ?? 'it failed') : "The model's chat template renders nothing.",
      },
      samples,
    }
  const on = chats.map((messages) => tryRender(messages, true))
  tryRender(CHATS.turns, undefined, false)
  const shown = plain ?? system ?? ''
  return {
    traits: {
      systemRole: system?.includes(SYSTEM) === true,
      switchesReasoning: on.some((text, i) => text !== off[i]),
      opensReasoning: endsInReasoning(shown),
    },
    samples,
  }
}

/** The system messages' texts before the first message of the user, for templates without a place for them. */
export function mergeSystem(messages: readonly ChatMessageText[]): readonly ChatMessageText[] {
  const system = messages.flatMap(({ role, content }) =>
    role === 'system' && content.trim() !== '' ? [content] : [],
  )
  const others = messages.filter(({ role }) => role !== 'system')
  if (system.length === 0) return others.length === messages.length ? messages : others
  const at = others.findIndex(({ role }) => role === 'user')
  if (at < 0) return [{ role: 'user', content: system.join('\n\n') }, ...others]
  return others.map((message, i) =>
    i === at ? { ...message, content: [...system, message.content].join('\n\n') } : message,
  )
}
