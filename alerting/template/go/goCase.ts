// Upper and lower case as Go's strings package maps them: character by character, so that no text grows (ß stays ß).

/** Go's `strings.ToUpper`. */
export function upperCase(text: string): string {
  return mapCharacters(text, (character) => character.toUpperCase())
}

/** Go's `strings.ToLower`. */
export function lowerCase(text: string): string {
  // İ is the one letter whose lower case is longer here and a plain i in Go.
  return mapCharacters(text, (character) => (character === 'İ' ? 'i' : character.toLowerCase()))
}

function mapCharacters(text: string, map: (character: string) => string): string {
  let out = ''
  for (const character of text) {
    const mapped = map(character)
    out += [...mapped].length === 1 ? mapped : character
  }
  return out
}
