// Knows: wllama as its users call it: one instance, as many slots as rows, one streamed completion for each row, all begun at once.
import { LoggerWithoutDebug, Wllama } from '@wllama/wllama'
import { startTally } from './tally.mjs'

export async function openWllama(wasm, model, { rows, context, threads, settings = {} }) {
  const wllama = new Wllama({ default: wasm }, { suppressNativeLog: true, logger: LoggerWithoutDebug })
  await wllama.loadModel([model], {
    n_threads: threads,
    n_gpu_layers: 0,
    n_parallel: rows,
    n_ctx: rows * context,
    n_batch: 512,
    n_ubatch: 512,
    ...settings,
  })

  async function writeRow(prompt, tokens, reuse, row, tally) {
    const told = { text: '', tokens: 0, promptTokens: 0 }
    const stream = await wllama.createCompletion({
      prompt,
      max_tokens: tokens,
      temperature: 0,
      top_k: 1,
      ignore_eos: true,
      cache_prompt: reuse,
      stream: true,
      timings_per_token: true,
      stream_options: { include_usage: true },
    })
    for await (const chunk of stream) {
      told.text += chunk.choices?.[0]?.text ?? ''
      if (chunk.timings?.predicted_n > told.tokens) tally.note(row, (told.tokens = chunk.timings.predicted_n))
      if (chunk.usage) told.promptTokens = chunk.usage.prompt_tokens
    }
    return told
  }

  return {
    about: `wllama (llama.cpp ${Wllama.getLibllamaVersion()}), ${wllama.getNumThreads()} threads, ${rows} slots${Object.entries(
      settings,
    )
      .map(([name, value]) => `, ${name} ${value}`)
      .join('')}`,
    async write({ prompts, tokens, reuse }) {
      const tally = startTally(prompts.length)
      const told = await Promise.all(
        prompts.map((prompt, row) => writeRow(prompt, tokens, reuse, row, tally)),
      )
      return tally.end(
        told.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
        told.map(({ text }) => text),
      )
    },
  }
}
