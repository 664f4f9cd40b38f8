// Knows: which prompts want something that a text model cannot see or make, and which only use the same words in another sense.
// Source: the word list of post_process_gpt3_response in self_instruct/bootstrap_instructions.py, which drops every occurrence.
// The other senses are ours.

/** Words for things that a text model cannot see or make. */
const UNUSABLE = /\b(images?|graphs?|pictures?|files?|maps?|draw|plot|go to)\b/i

/** The same words in a sense that a text model can handle. */
const OTHER_SENSES = [
  // the plot of a story, not of data
  String.raw`plots?(?=\s+(?:twists?|holes?|lines?|devices?|summar(?:y|ies)|outlines?|structure|development|in|behind)\b)`,
  String.raw`plots?(?=\s+(?:of|for)\s+(?!(?:(?:the|a|an|this|these|your|its|some)\s+)?(?:data|points?|values?|functions?|sine|cosine|equations?|curves?|results?|numbers?|distributions?|table)\b))`,
  String.raw`(?<=\b(?:the|its|a|an|your|their|main|whose|movie|film|story|novel|book|series|play|game|thriller|mystery|(?:movie|film|story|novel|book|series|play|game)['’]s)\s)plot(?!\s+(?:of|for|the|these|this)\b)`,
  // what is drawn is no drawing
  String.raw`draw(?=\s+(?:(?:a|an|the|some|any|your|their|our|more|clear|logical)\s+){0,3}(?:conclusions?|comparisons?|parallels?|distinctions?|attention|inspiration|inferences?|crowds?|breath|criticism|interest|line\s+between|lots|straws|blood|water|strength|customers|visitors|up|on|upon|from|near)\b)`,
  String.raw`(?<=\b(?:a|the|prize|lucky)\s)draw(?!\s+(?:a|an|the)\b)`,
  // a complaint is filed, not opened
  String.raw`files?(?=\s+(?:(?:for|a|an|the|my|your|his|her|their|our|new|formal|official|insurance|income|small)\s+){0,3}(?:complaints?|claims?|reports?|lawsuits?|suits?|tax(?:es)?|returns?|appeals?|petitions?|patents?|bankruptcy|divorce|charges|grievances?|objections?|applications?|requests?)\b)`,
  String.raw`(?<=\b(?:nail|single|rank\s+and)\s)file`,
  String.raw`maps?(?=\s+(?:out|onto|each|every)\b)`,
  String.raw`(?<=\b(?:road|hash)\s)maps?`,
  String.raw`graphs?(?=\s+(?:theory|theorem|databases?|algorithms?|traversal|search)\b)`,
  String.raw`(?<=\b(?:knowledge|call|dependency)\s)graphs?`,
  String.raw`(?<=\b(?:big|bigger|whole|motion|bleak|rosy)\s)pictures?`,
  String.raw`pictures?(?=\s+(?:books?|of\s+Dorian\s+Gr[ae]y|yourself)\b)`,
  String.raw`(?<=\b(?:self|body|public|brand|corporate)[\s-])images?`,
  // a place that a person goes to, not a page that the model is sent to
  String.raw`(?<=\b(?:to|I|you|we|they|can|could|should|must|not|don['’]t|will|would|people|children|kids|who|and)\s)go\s+to(?!\s+(?:the\s+|this\s+|that\s+|a\s+|our\s+|your\s+)?(?:https?:|www\.|web\s?sites?|websites?|web\s?pages?|pages?|links?|urls?|sites?|following)\b)`,
].map((sense) => new RegExp(String.raw`\b(?:${sense})`, 'giu'))

/** The word that makes a prompt unusable, in lower case; undefined if it has none. Linear in the text. */
export function findUnusable(text: string): string | undefined {
  if (!UNUSABLE.test(text)) return undefined
  const rest = OTHER_SENSES.reduce((left, sense) => left.replaceAll(sense, '…'), text)
  return UNUSABLE.exec(rest)?.[1]?.toLowerCase()
}
