# Sets up and finds the project's virtual environment; sourced by the other scripts.
#
# ensure_venv EXTRA... leaves a `.venv` in the project with the locked versions of the
# project's dependencies and of the named extras, and sets VENV_PYTHON. An environment is
# reused only if its stamp still describes it. A set-up that fails or is killed leaves what
# was there before:
#   an extra    only adds packages: the stamp stays, and what it speaks of can be started
#   an update   is begun again; from nothing, if it had begun to exchange packages
#   a new kind  is built with the old environment set aside, which returns unless all ends well
#
# Read from the environment (docs/set-up.md):
#   CLIPAD_PYTHON        the Python to use (3.11 or newer); default: the first one found
#   CLIPAD_TORCH         `default` (PyPI's build, CUDA on Linux) or `cpu`; unset: as it is
#   CLIPAD_TORCH_INDEX   where the CPU build comes from
#   CLIPAD_MIN_FREE_GIB  free disk space a new environment must find
#
# They are unset afterwards: they are no settings of the service. This file does not know
# what is run next.
#
# A script that is asked for help (-h, --help) sets nothing up: it gets the `.venv` as it is,
# and where there is none says what stands at its own top.

CLIPAD_ROOT="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)"
VENV="$CLIPAD_ROOT/.venv"
VENV_PYTHON="$VENV/bin/python"
VENV_STAMP="$VENV/clip-ad.stamp"
VENV_LOG="$VENV/clip-ad-setup.log"
VENV_UPDATING="$VENV/clip-ad.updating" # there while an update is: the packages before it
VENV_OLD="$CLIPAD_ROOT/.venv.before/.venv" # git, ruff and others pass over a `.venv` anywhere

VENV_HELP= # whether the script that sources this was asked for help
for _argument in "$@"; do
  case "$_argument" in
    --) break ;;
    -h | --help) VENV_HELP=yes ;;
  esac
done

say() { printf 'clip-ad: %s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

_exists() { [[ -e "$1" || -L "$1" ]]; } # $1: a path, or the first that a pattern expands to

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

_choose_torch() { # -> VENV_TORCH; whoever chose `cpu` once need not say so again
  local before=
  if [[ -f "$VENV_STAMP" ]]; then
    before="$(sed -n 's/^base with torch=\([a-z]*\) .*/\1/p' "$VENV_STAMP")"
  fi
  VENV_TORCH="${CLIPAD_TORCH:-${before:-default}}"
  case "$VENV_TORCH" in
    default | cpu) ;;
    *) die "CLIPAD_TORCH=$VENV_TORCH is not one of: default, cpu" ;;
  esac
}

# The stamp: one line for what needs a new environment when it changes, one for what an
# installation over the old one can bring up to date, one for the extras inside.
_base() { # $1: Python version
  printf 'base with torch=%s python=%s at=%s\n' "$VENV_TORCH" "$1" "$VENV"
}

_inputs() {
  printf 'inputs %s\n' "$(cat "$CLIPAD_ROOT"/{pyproject.toml,constraints.txt} | _sha256)"
}

_stamp() { # $1: Python version, $2: the line of inputs, $3: extras
  printf '%s\n%s\nextras %s\n' "$(_base "$1")" "$2" "$3" >"$VENV_STAMP.new"
  mv -- "$VENV_STAMP.new" "$VENV_STAMP"
}

_stamped() { # $1: base, inputs or extras -> that line of the stamp, or nothing
  [[ -f "$VENV_STAMP" ]] && grep "^$1 " "$VENV_STAMP"
}

_base_is_good() {
  local version
  [[ -x "$VENV_PYTHON" && -f "$VENV_STAMP" ]] || return 1
  [[ ! -e "$VENV_UPDATING" ]] && ! _exists "$VENV_OLD" || return 1 # not settled yet
  version="$(_python_version "$VENV_PYTHON")" || return 1
  [[ "$(_stamped base)" == "$(_base "$version")" ]] || return 1
  [[ -z "${CLIPAD_PYTHON:-}" || "$(_python_version "$CLIPAD_PYTHON")" == "$version" ]]
}

_is_good() { # $@: extras
  local extra
  _base_is_good && [[ "$(_stamped inputs)" == "$(_inputs)" ]] || return 1
  # Adding an extra installs the project itself again: pip may have been killed right there.
  _exists "$VENV"/lib/python*/site-packages/clip_ad-*.dist-info/INSTALLER || return 1
  for extra in "$@"; do
    [[ " $(_stamped extras) " == *" $extra "* ]] || return 1
  done
}

_check_disk() {
  # Linux x86-64, with the extras for tests: the environment takes 6.1 GiB, 1.5 with the CPU
  # build; while it is made, pip also holds the downloads (2.8 GiB, 0.4) twice.
  local needed free_kib
  if [[ "$VENV_TORCH" == cpu ]]; then needed=3; else needed=12; fi
  needed="${CLIPAD_MIN_FREE_GIB:-$needed}"
  [[ "$needed" =~ ^[0-9]+$ ]] || die "CLIPAD_MIN_FREE_GIB=$needed is not a whole number"
  free_kib="$(df -Pk "$CLIPAD_ROOT" | awk 'NR == 2 { print $4 }')"
  ((free_kib >= needed * 1024 * 1024)) || die "only $((free_kib / 1024 / 1024)) GiB free in" \
    "$CLIPAD_ROOT, a new environment needs $needed GiB (with CLIPAD_TORCH=cpu less;" \
    "CLIPAD_MIN_FREE_GIB overrides this)"
}

_logged() { # $1: what failed, for the error; the rest: a command whose output goes to the log
  local what="$1" error
  shift
  printf '\n$ %s\n' "$*" >>"$VENV_LOG"
  if ! PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 "$@" >>"$VENV_LOG" 2>&1; then
    error="$(_last_error)"
    _settle
    die "$what failed: $error (all of it: $VENV_LOG)"
  fi
}

_last_error() { # the log's last line that says ERROR, or its last line of all
  local last broken
  last="$(sed -n 's/^[[:space:]]*ERROR/ERROR/p' "$VENV_LOG" | tail -n 1)"
  [[ -n "$last" ]] || last="$(grep -v '^[[:space:]]*$' "$VENV_LOG" | tail -n 1)"
  # Without a network pip ends by speaking of conflicting versions.
  broken="$(sed -n '/connection broken by/ { s/.*connection broken/connection broken/
    s/<[^>]*>: //; p; q; }' "$VENV_LOG")"
  printf '%s\n' "${broken:+$broken; then }$last"
}

_packages() { # what lies in the environment; pip gives every version a name of its own
  local LC_ALL=C # one order everywhere
  printf '%s\n' "$VENV"/lib/python*/site-packages/*
}

_drop_old() {
  rm -rf -- "$VENV_OLD"
  [[ ! -d "${VENV_OLD%/*}" ]] || rmdir -- "${VENV_OLD%/*}"
}

_settle() { # after a set-up that has not ended
  if _exists "$VENV_OLD"; then
    if [[ ! -f "$VENV_STAMP" || -e "$VENV_UPDATING" || "$(_stamped inputs)" == *unfinished ]]; then
      say "the .venv from before returns"
      [[ ! -f "$VENV_LOG" ]] || mv -f -- "$VENV_LOG" "$VENV_OLD/" || true
      rm -rf -- "$VENV"
      mv -- "$VENV_OLD" "$VENV"
    fi
  fi
  _drop_old
  # pip exchanges packages only once it has them all: until then an update changes nothing.
  if [[ -f "$VENV_UPDATING" && "$(<"$VENV_UPDATING")" == "$(_packages)" ]]; then
    rm -f -- "$VENV_UPDATING"
  fi
}

_drop_torn() { # pip writes INSTALLER after a package's files, but without it takes it for whole
  local package
  for package in "$VENV"/lib/python*/site-packages/*.dist-info; do
    [[ -e "$package/INSTALLER" ]] || rm -rf -- "$package"
  done
}

_locked() { # $1: a package -> its exact version in constraints.txt
  sed -n "s/^$1==\([^ ;]*\).*/\1/p" "$CLIPAD_ROOT/constraints.txt"
}

_build() { # an empty environment
  local python
  python="$(_find_python)" || exit 1
  _check_disk
  if _exists "$VENV"; then
    say "replacing .venv: it is unfinished, of another kind, or was moved"
    mkdir -p -- "${VENV_OLD%/*}"
    mv -- "$VENV" "$VENV_OLD"
  fi
  say "making .venv with Python $(_python_version "$python"), torch: $VENV_TORCH;" \
    "this takes some minutes, once"
  mkdir -- "$VENV"
  _stamp none "inputs unfinished" "" # remembers the choice of torch
  _logged "making the virtual environment" "$python" -m venv "$VENV"
  _stamp "$(_python_version "$VENV_PYTHON")" "inputs unfinished" ""
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
  local extras inputs
  inputs="$(_inputs)" # as they are now: they may change while pip runs
  # shellcheck disable=SC2046 # several words are wanted
  extras="$(printf '%s\n' "$@" $(_stamped extras | cut -d ' ' -f 2-) | sort -u | tr '\n' ' ')"
  extras="${extras# }" # no word at all is printed as an empty line
  extras="${extras% }"
  say "installing the locked versions into .venv${extras:+ (extras: $extras)}"
  if [[ "$(_stamped inputs)" != "$inputs" ]]; then # else an extra: nothing is exchanged
    _packages >"$VENV_UPDATING"
    [[ "$VENV_TORCH" != cpu ]] || _install_cpu_torch
  fi
  _logged "installing the dependencies" "$VENV_PYTHON" -m pip install \
    -c "$CLIPAD_ROOT/constraints.txt" -e "$CLIPAD_ROOT${extras:+[${extras// /,}]}"
  _stamp "$(_python_version "$VENV_PYTHON")" "$inputs" "$extras"
  rm -f -- "$VENV_UPDATING"
  _drop_old
}

_set_up() { # $@: extras
  _settle
  _choose_torch # again: what is remembered may have been written, or returned, just now
  _is_good "$@" && return # another process was faster
  if _base_is_good; then
    : >"$VENV_LOG"
    _drop_torn
  else
    _build
  fi
  _install "$@"
}

show_usage() { # what the script that was started says of itself at its top
  sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$0"
}

_can_help() { # whether programs can be started as they are, whatever is out of date or missing
  [[ -x "$VENV_PYTHON" && "$(_stamped base)" == *" at=$VENV" ]] || return 1
  [[ "$(_stamped inputs)" != *unfinished && ! -e "$VENV_UPDATING" ]] && ! _exists "$VENV_OLD"
}

ensure_venv() { # $@: extras
  if [[ -n "$VENV_HELP" ]]; then
    _can_help && return
    show_usage
    printf '\nThis is not set up yet: once it is (./scripts/serve), --help lists every option.\n'
    exit 0
  fi
  _choose_torch
  _is_good "$@" || _set_up_alone "$@"
  unset CLIPAD_PYTHON CLIPAD_TORCH CLIPAD_TORCH_INDEX CLIPAD_MIN_FREE_GIB
}

_may_need_more() { # $@: the program's arguments; whether it pays to read the settings
  local LC_ALL=C names='CLIPAD_(RUNTIME|DATABASE_URL)'
  [[ " $* " != *" --runtime"* && " $* " != *" --env-file"* ]] || return 0
  ! env | grep -iE "^$names=" >/dev/null || return 0
  [[ -f .env ]] && grep -iE "$names" .env >/dev/null
}

ensure_service_venv() { # $1: extras, in one word; the rest: the program's arguments
  local extras="$1" more
  shift
  # shellcheck disable=SC2086 # several words are wanted
  ensure_venv $extras
  [[ -z "$VENV_HELP" ]] && _may_need_more "$@" || return 0
  more="$("$VENV_PYTHON" "$CLIPAD_ROOT/scripts/lib/needed_extras.py" "$@")"
  # shellcheck disable=SC2086
  [[ -z "$more" ]] || ensure_venv $extras $more
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
