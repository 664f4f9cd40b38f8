// Knows: under which name a model from a file is shown.

/** Words of a training script: “Ep2”, “Mix1”, “Lc100K”, “step-2000”, “checkpoint 12”, “lr1e-4”, “seed42”. */
const RUN_WORD =
  /(?:^|[\s_./-])(?:ep|epochs?|mix|lc|steps?|iter|ckpt|checkpoint|lr|bs|seed|run|exp)[\s_-]?\d/iu
/** Names that every file could have. */
const ANY_MODEL =
  /^(?:(?:my|the|new|final|merged|trained|finetuned|fine-tuned|output|out|results?|tmp|temp|test|untitled|unnamed|unknown|hf|ggml|gguf|llama)[\s_-]*)*(?:models?|checkpoints?|output|out|merged|export|snapshot|main|none|null|\.)?$/iu
/** A path, a hash, a date of a build. */
const PATH_OR_HASH = /[/\\]|^[0-9a-f]{7,64}$|^\d[\d\s._-]*$/iu

/** True if a name was written by a build, not for people: it names a run of training, a folder, a hash or nothing. */
export const isBuildLabel = (name: string): boolean =>
  RUN_WORD.test(name) || ANY_MODEL.test(name.trim()) || PATH_OR_HASH.test(name.trim())

/** The name that a model is shown under: its own, or its file's without the extension if its own is missing or a build label. */
export function nameModel(own: string | undefined, fileName: string): string {
  const stem = fileName.replace(/\.gguf$/i, '')
  return own === undefined || (isBuildLabel(own) && !isBuildLabel(stem)) ? stem : own
}
