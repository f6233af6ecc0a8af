# Sets up and finds the project's virtual environment; sourced by the other scripts.
#
# ensure_venv EXTRA... leaves a `.venv` in the project with the locked versions of the
# project's dependencies and of the named extras, and sets VENV_PYTHON. An environment is
# reused only if its stamp, written as the very last step, still describes it: an
# interrupted set-up leaves no stamp, and is built again from nothing.
#
# Read from the environment (README.md, "Set-up"):
#   CLIPAD_PYTHON        the Python to use (3.11 or newer); default: the first one found
#   CLIPAD_TORCH         `default` (PyPI's build, CUDA on Linux) or `cpu`; unset: as it is
#   CLIPAD_TORCH_INDEX   where the CPU build comes from
#   CLIPAD_MIN_FREE_GIB  free disk space a new environment must find
#
# They are unset afterwards: they are no settings of the service. This file does not know
# what is run next.

CLIPAD_ROOT="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)"
VENV="$CLIPAD_ROOT/.venv"
VENV_PYTHON="$VENV/bin/python"
VENV_STAMP="$VENV/clip-ad.stamp"
VENV_LOG="$VENV/clip-ad-setup.log"

say() { printf 'clip-ad: %s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

_sha256() { # standard input -> hex digest
  if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

_python_version() { # $1: a Python -> "3.11.7", or nothing if it cannot be run
  "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null
}

_is_suitable() { # $1: a Python new enough, able to make environments that contain pip
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

_find_python() { # prints the Python to build the environment with
  local candidate
  if [[ -n "${CLIPAD_PYTHON:-}" ]]; then
    _is_suitable "$CLIPAD_PYTHON" || die "CLIPAD_PYTHON=$CLIPAD_PYTHON is not a Python 3.11 or" \
      "newer with its venv module (it says: $("$CLIPAD_PYTHON" -V 2>&1 | tail -n 1))"
    printf '%s\n' "$CLIPAD_PYTHON"
    return
  fi
  for candidate in python3.13 python3.12 python3.11 python3; do
    if _is_suitable "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  die "no Python 3.11 or newer with its venv module found (tried python3.13, python3.12," \
    "python3.11, python3): install one (Debian, Ubuntu: apt install python3 python3-venv)" \
    "or name one in CLIPAD_PYTHON"
}

_choose_torch() { # whoever chose `cpu` once need not say so again
  local before=
  if [[ -f "$VENV_STAMP" ]]; then
    before="$(sed -n 's/^base with torch=\([a-z]*\) .*/\1/p' "$VENV_STAMP")"
  fi
  CLIPAD_TORCH="${CLIPAD_TORCH:-$before}"
  case "${CLIPAD_TORCH:=default}" in
    default | cpu) ;;
    *) die "CLIPAD_TORCH=$CLIPAD_TORCH is not one of: default, cpu" ;;
  esac
}

# The stamp: one line for what needs a new environment when it changes, one for what an
# installation over the old one can bring up to date, one for the extras inside.
_base() { # $1: Python version
  printf 'base with torch=%s python=%s at=%s\n' "$CLIPAD_TORCH" "$1" "$VENV"
}

_inputs() {
  printf 'inputs %s\n' "$(cat "$CLIPAD_ROOT"/{pyproject.toml,constraints.txt} | _sha256)"
}

_stamped() { # $1: base, inputs or extras -> that line of the stamp, or nothing
  [[ -f "$VENV_STAMP" ]] && grep "^$1 " "$VENV_STAMP"
}

_base_is_good() {
  local version
  [[ -x "$VENV_PYTHON" && -f "$VENV_STAMP" ]] || return 1
  version="$(_python_version "$VENV_PYTHON")" || return 1
  [[ "$(_stamped base)" == "$(_base "$version")" ]] || return 1
  [[ -z "${CLIPAD_PYTHON:-}" || "$(_python_version "$CLIPAD_PYTHON")" == "$version" ]]
}

_is_good() { # $@: extras
  local extra
  _base_is_good && [[ "$(_stamped inputs)" == "$(_inputs)" ]] || return 1
  for extra in "$@"; do
    [[ " $(_stamped extras) " == *" $extra "* ]] || return 1
  done
}

_check_disk() {
  # Linux x86-64, with the extras for tests: the environment takes 6.1 GiB, 1.5 with the CPU
  # build; while it is made, pip also holds the downloads (2.8 GiB, 0.4) twice.
  local needed free_kib
  if [[ "$CLIPAD_TORCH" == cpu ]]; then needed=3; else needed=12; fi
  needed="${CLIPAD_MIN_FREE_GIB:-$needed}"
  [[ "$needed" =~ ^[0-9]+$ ]] || die "CLIPAD_MIN_FREE_GIB=$needed is not a whole number"
  free_kib="$(df -Pk "$CLIPAD_ROOT" | awk 'NR == 2 { print $4 }')"
  ((free_kib >= needed * 1024 * 1024)) || die "only $((free_kib / 1024 / 1024)) GiB free in" \
    "$CLIPAD_ROOT, a new environment needs $needed GiB (with CLIPAD_TORCH=cpu less;" \
    "CLIPAD_MIN_FREE_GIB overrides this)"
}

_logged() { # $1: what failed, for the error; the rest: a command whose output goes to the log
  local what="$1"
  shift
  printf '\n$ %s\n' "$*" >>"$VENV_LOG"
  PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 "$@" >>"$VENV_LOG" 2>&1 ||
    die "$what failed: $(_last_error) (all of it: $VENV_LOG)"
}

_last_error() { # the log's last line that says ERROR, or its last line of all
  grep '^ERROR' "$VENV_LOG" | tail -n 1 | grep . || grep -v '^[[:space:]]*$' "$VENV_LOG" | tail -n 1
}

_locked() { # $1: a package -> its exact version in constraints.txt
  sed -n "s/^$1==\([^ ;]*\).*/\1/p" "$CLIPAD_ROOT/constraints.txt"
}

_build() { # an empty environment
  local python
  python="$(_find_python)" || exit 1
  _check_disk
  [[ ! -e "$VENV" ]] || say "replacing .venv: it is unfinished, of another kind, or was moved"
  say "making .venv with Python $(_python_version "$python"), torch: $CLIPAD_TORCH;" \
    "this takes some minutes, once"
  rm -rf -- "$VENV"
  mkdir -- "$VENV"
  _logged "making the virtual environment" "$python" -m venv "$VENV"
}

_install_cpu_torch() { # first, and to the letter: nothing after it then asks for PyPI's build
  local suffix=
  # Only Linux has a CPU build of its own, told from the CUDA one by its local version.
  [[ "$(uname -s)" != Linux ]] || suffix=+cpu
  _logged "installing the CPU build of torch" "$VENV_PYTHON" -m pip install --no-deps \
    --index-url "${CLIPAD_TORCH_INDEX:-https://download.pytorch.org/whl/cpu}" \
    "torch==$(_locked torch)$suffix" "torchvision==$(_locked torchvision)$suffix"
}

_install() { # $@: extras
  local extras
  # shellcheck disable=SC2046 # several words are wanted
  extras="$(printf '%s\n' "$@" $(_stamped extras | cut -d ' ' -f 2-) | sort -u | tr '\n' ' ')"
  extras="${extras# }" # no word at all is printed as an empty line
  extras="${extras% }"
  rm -f -- "$VENV_STAMP"
  say "installing the locked versions into .venv${extras:+ (extras: $extras)}"
  [[ "$CLIPAD_TORCH" != cpu ]] || _install_cpu_torch
  _logged "installing the dependencies" "$VENV_PYTHON" -m pip install \
    -c "$CLIPAD_ROOT/constraints.txt" -e "$CLIPAD_ROOT${extras:+[${extras// /,}]}"
  {
    _base "$(_python_version "$VENV_PYTHON")"
    _inputs
    printf 'extras %s\n' "$extras"
  } >"$VENV_STAMP.new"
  mv -- "$VENV_STAMP.new" "$VENV_STAMP"
}

_set_up() { # $@: extras
  _is_good "$@" && return # another process was faster
  if _base_is_good; then
    : >"$VENV_LOG"
  else
    _build
  fi
  _install "$@"
}

ensure_venv() { # $@: extras
  _choose_torch
  _is_good "$@" || _set_up_alone "$@"
  unset CLIPAD_PYTHON CLIPAD_TORCH CLIPAD_TORCH_INDEX CLIPAD_MIN_FREE_GIB
}

_setting() { # $1: a setting -> the letters its value begins with, of the environment or `.env`
  local name="CLIPAD_$1"
  # The service prefers its environment to `.env`, too.
  if [[ -n "${!name:-}" ]]; then
    printf '%s\n' "${!name}" | sed 's/[^a-z].*//'
  elif [[ -f .env ]]; then
    sed -n 's/^[[:space:]]*'"$name"'[[:space:]]*=[[:space:]"'"'"']*\([a-z]*\).*/\1/p' .env | tail -n 1
  fi
}

runtime_extras() { # prints the extras that the service's settings need, if any
  [[ "$(_setting RUNTIME)" != openvino ]] || printf 'openvino\n'
  [[ "$(_setting DATABASE_URL)" != postgres* ]] || printf 'postgres\n'
}

_set_up_alone() { # $@: extras
  # One set-up at a time. This file itself is the lock: it needs no cleaning up, and the
  # system gives the lock back even if the holder is killed. Where there is no flock
  # (macOS), two first starts at the same moment are not kept apart.
  exec 9<"${BASH_SOURCE[0]}"
  if command -v flock >/dev/null 2>&1 && ! flock -n 9; then
    say "another set-up is running; waiting for it"
    flock 9 || say "this file system has no locks; going on without one"
  fi
  _set_up "$@"
  exec 9<&-
}
