/** The reactions that are offered; the server takes any one emoji. */
export const REACTIONS: readonly string[] = ['👍', '👏', '❤️', '😂', '🎉', '😮', '🤔', '👎'];
