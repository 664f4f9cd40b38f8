// Knows: wllama as its users call it: one instance, as many slots as rows, one streamed completion per row, all started at once.
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

  async function generateRow(prompt, tokens, reuse, row, tally) {
    const result = { text: '', tokens: 0, promptTokens: 0 }
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
      result.text += chunk.choices?.[0]?.text ?? ''
      if (chunk.timings?.predicted_n > result.tokens)
        tally.note(row, (result.tokens = chunk.timings.predicted_n))
      if (chunk.usage) result.promptTokens = chunk.usage.prompt_tokens
    }
    return result
  }

  return {
    about: `wllama (llama.cpp ${Wllama.getLibllamaVersion()}), ${wllama.getNumThreads()} threads, ${rows} slots${Object.entries(
      settings,
    )
      .map(([name, value]) => `, ${name} ${value}`)
      .join('')}`,
    async generate({ prompts, tokens, reuse }) {
      const tally = startTally(prompts.length)
      const results = await Promise.all(
        prompts.map((prompt, row) => generateRow(prompt, tokens, reuse, row, tally)),
      )
      return tally.end(
        results.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
        results.map(({ text }) => text),
      )
    },
  }
}
