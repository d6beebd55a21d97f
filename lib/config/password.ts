/** The length of a generated password: 48 letters and digits are 285 bits, out of reach of any search, though ClickHouse keeps a hash that is unsalted and fast. */
export const PASSWORD_LENGTH = 48;
