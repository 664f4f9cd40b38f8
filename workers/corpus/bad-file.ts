// Knows: how the reading of a file of unknown origin ends when the file is not what it should be.

/** Thrown while such a file is read and caught where the reading began; the sentence is for the person. */
export class BadFile extends Error {
  override readonly name = 'BadFile'
}
