/** Names of variables: which a shell can have, and which steer the program that is given them. */

/** Why a shell cannot have a variable of that name, if so: it would not be assigned, or not keep its value. */
export function unfitForShell(name: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return 'a variable has letters, digits and _ and starts with no digit: give it such a name by keys:';
  }
  // Node's own parser puts it where no variable is found.
  if (name === '__proto__') return 'programs in JavaScript lose a variable of that name: give it another by keys:';
  return ownedByShell.test(name) ? 'shells keep a value of their own there: give it another name by keys:' : undefined;
}

const ownedByShell =
  /^(_|E?UID|PPID|GROUPS|S?RANDOM|SECONDS|EPOCH(SECONDS|REALTIME)|LINENO|OPTIND|FUNCNAME|DIRSTACK|HISTCMD|SHELLOPTS|BASHOPTS|BASHPID|BASH_(VERSINFO|SUBSHELL|COMMAND|LINENO|SOURCE|ARG[CV0]|ALIASES|CMDS|MONOSECONDS))$/;

/** Would whoever chooses it thereby run code in the program that has a variable of that name? */
export const steersPrograms = (name: string): boolean => steering.test(name);

const steering =
  /^(D?Y?LD_.*|GLIBC_TUNABLES|GCONV_PATH|MALLOC_.*|NODE_(?!ENV$).*|PATH|IFS|ENV|BASH_(ENV|FUNC_.*|XTRACEFD)|CDPATH|GLOBIGNORE|PROMPT_COMMAND|PS[0-4]|PYTHON.*|PERL.*|RUBY(LIB|OPT|SHELL)|_?JAVA_(TOOL_)?OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|DOTNET_STARTUP_HOOKS|LUA_INIT.*|PHPRC|PHP_INI_SCAN_DIR|GIT_(SSH.*|EXEC_PATH|CONFIG.*|ASKPASS)|OPENSSL_(CONF|ENGINES|MODULES)|SSLKEYLOGFILE)$/;
