// Knows: Ollama's own protocol (/api/chat, /api/generate, /api/tags), written from requests in OpenAI's and read into its responses, for
// servers that offer nothing else.
// Source: Ollama's docs/api.md.
import type { Json } from '../../../src/domain/hash.ts'
import { countIn, listIn, reach, textIn, type Body } from './json.ts'
import { ServerError } from './server-error.ts'

/** Max models of a list. */
const MAX_MODELS = 1000

/** Sampling settings by their names in OpenAI's protocol, with its extensions, and here. */
const OPTIONS: ReadonlyMap<string, string> = new Map([
  ['temperature', 'temperature'],
  ['top_p', 'top_p'],
  ['top_k', 'top_k'],
  ['min_p', 'min_p'],
  ['seed', 'seed'],
  ['stop', 'stop'],
  ['max_tokens', 'num_predict'],
  ['repeat_penalty', 'repeat_penalty'],
  ['repeat_last_n', 'repeat_last_n'],
])
/** Fields with a meaning here, or without one that would be missed. */
const OTHERS = new Set([
  'model',
  'messages',
  'prompt',
  'stream',
  'stream_options',
  'logprobs',
  'top_logprobs',
  'response_format',
  'think',
  'reasoning_effort',
  'chat_template_kwargs',
  'repetition_penalty',
])

/** A request's path and body. Throws a `refused` error for what this protocol lacks. */
export function toOwnRequest(path: string, body: Body | undefined): { path: string; body: Body | undefined } {
  if (path === '/models') return { path: '/tags', body: undefined }
  if (body === undefined || (path !== '/chat/completions' && path !== '/completions'))
    throw new ServerError('refused', `Ollama’s own protocol has nothing like ${path}.`)
  const unknown = Object.keys(body).find((name) => !OPTIONS.has(name) && !OTHERS.has(name))
  if (unknown !== undefined)
    throw new ServerError('refused', `Ollama’s own protocol has nothing like ${unknown}.`)
  const isChat = path === '/chat/completions'
  const format = reach(body, 'response_format', 'json_schema', 'schema') as Json | undefined // of our own request
  const think = body['think'] ?? thinkOf(body['reasoning_effort'])
  const top = isChat ? body['top_logprobs'] : body['logprobs']
  const hasLogProbs = isChat ? body['logprobs'] === true : typeof body['logprobs'] === 'number'
  return {
    path: isChat ? '/chat' : '/generate',
    body: {
      model: body['model'],
      ...(isChat ? { messages: body['messages'] } : { prompt: body['prompt'], raw: true }),
      stream: body['stream'] === true,
      options: Object.fromEntries(
        [...OPTIONS].flatMap(([name, own]) => {
          const value = body[name]
          return value === undefined ? [] : [[own, value]]
        }),
      ),
      ...(isChat && think !== undefined ? { think } : {}),
      ...(format === undefined ? {} : { format }),
      ...(hasLogProbs ? { logprobs: true, top_logprobs: top ?? 0 } : {}),
    },
  }
}

const thinkOf = (effort: Json | undefined): Json | undefined => (effort === 'none' ? false : effort)

/** A response, or one value of a stream, in the form of OpenAI's protocol. */
export function fromOwnResponse(path: string, json: unknown): unknown {
  if (path === '/models')
    return Array.isArray(reach(json, 'models'))
      ? {
          data: listIn(json, MAX_MODELS, 'models').map((model) => ({
            id: reach(model, 'name') ?? reach(model, 'model'),
            owned_by: 'library',
          })),
        }
      : json
  if (textIn(json, 'error') !== undefined) return json
  const isDone = reach(json, 'done') === true
  return {
    choices: [
      {
        delta: {
          content: reach(json, 'message', 'content'),
          thinking: reach(json, 'message', 'thinking'),
        },
        text: reach(json, 'response'),
        logprobs: { content: reach(json, 'logprobs') },
        finish_reason: isDone ? (textIn(json, 'done_reason') ?? 'stop') : null,
      },
    ],
    // A prompt whose cache was used entirely has no count.
    ...(isDone
      ? {
          usage: {
            prompt_tokens: countIn(json, 'prompt_eval_count') ?? 0,
            completion_tokens: countIn(json, 'eval_count') ?? 0,
          },
        }
      : {}),
  }
}
