#!/bin/sh
# Builds the device programs: kernels with Peano, designs with mlir-aie, then the manifest.
#   DEV=npu1|npu2 COLS=n O=build xclbin.sh
# Never run by this project so far: nobody here has the toolchain.  Written from the tools' manuals.
set -eu
cd "$(dirname "$0")" || exit 1
here=$PWD
DEV=${DEV:-npu1}
out=${O:-build}
case $out in /*) ;; *) out=$here/../../$out ;; esac
out=$out/xclbin/$DEV

fail() {
    printf 'xclbin: %s\n' "$1" >&2
    shift
    for line; do printf '  %s\n' "$line" >&2; done
    exit 3
}

case $DEV in
npu1) COLS=${COLS:-4} target=aie2 defs= ;;
npu2) COLS=${COLS:-8} target=aie2p defs=-DDICTATE_AIE2P ;;
*) fail "DEV=$DEV is no device: npu1 (Phoenix, Hawk Point) or npu2 (Strix and later)" ;;
esac

want() { sed -n "s/^$1 //p" versions.txt; }
python=${PYTHON:-python3}
if [ -z "${PEANO_INSTALL_DIR:-}" ] || [ -z "${MLIR_AIE_DIR:-}" ]; then
    fail "the toolchain for AMD NPUs is not there: PEANO_INSTALL_DIR and MLIR_AIE_DIR are not set" \
        "A real NPU needs programs built with mlir-aie $(want mlir_aie) and llvm-aie" \
        "$(want llvm-aie)x; kernels/aie2/README.md says how to install them." \
        "The virtual NPU needs neither."
fi
[ -x "$PEANO_INSTALL_DIR/bin/clang++" ] ||
    fail "PEANO_INSTALL_DIR=$PEANO_INSTALL_DIR has no bin/clang++: it is not the llvm-aie package"
command -v aiecc.py >/dev/null 2>&1 || fail "aiecc.py is not on PATH: it comes with mlir-aie"

version() {
    "$python" -c 'import importlib.metadata as m, sys; print(m.version(sys.argv[1]))' "$1" \
        2>/dev/null || echo none
}
tools=
for t in mlir_aie llvm-aie; do
    is=$(version "$t")
    tools="$tools$t=$is "
    case $is in
    "$(want "$t")"*) ;;
    *)
        [ "${ANY_VERSION:-0}" = 1 ] ||
            fail "$t is version $is, $(want "$t") is what this was written for" \
            "ANY_VERSION=1 builds with it all the same; the known-answer test then has to decide."
        ;;
    esac
done

# A stale .prj folder hides edits, and a program of the other family loads and returns zeros.
rm -rf "$out"
mkdir -p "$out"
obj() { # SOURCE OBJECT FLAGS: one kernel; tiles with narrow n for bf16 operands are built apart
    src=$1 to=$2
    shift 2
    "$PEANO_INSTALL_DIR/bin/clang++" -O2 -std=c++20 --target="$target-none-unknown-elf" -DNDEBUG \
        -Wno-parentheses -Wno-attributes -Wno-macro-redefined -Wno-empty-body \
        -Wno-missing-template-arg-list-after-template-kw $defs "$@" \
        -I "$MLIR_AIE_DIR/include" -I . -c "$src" -o "$to"
}

tab=$(printf '\t')
: >"$out/index.tsv"
# One program: its kernel objects lie beside it, then its overlay; streams follow.
grep "^program$tab" shapes.tsv | while IFS=$tab read -r _ name design args; do
    dir=$out/$name
    mkdir -p "$dir"
    row=$(printf '%s' "$args" | sed -n 's/.*--width \([0-9]*\).*/\1/p')
    for k in mm_i8 mm_bf16; do obj $k.cc "$dir/$k.o" -DDIM_M=64 -DDIM_K=64 -DDIM_N=64; done
    for k in norm_q gelu; do obj $k.cc "$dir/$k.o" "-DDIM_ROW=${row:-512}"; done
    obj softmax.cc "$dir/softmax.o" "-DDIM_KEYS=${row:-1536}"
    # shellcheck disable=SC2086 # arguments in words
    (
        cd "$dir"
        "$python" "$here/designs/$design" --dev "$DEV" --cols "$COLS" $args >aie.mlir
        aiecc.py --alloc-scheme=basic-sequential --aie-generate-xclbin --no-compile-host \
            --no-xchesscc --no-xbridge --peano "$PEANO_INSTALL_DIR" --xclbin-name="$name.xclbin" \
            --aie-generate-npu-insts --npu-insts-name="$name.insts" aie.mlir
    )
    cp "$dir/$name.xclbin" "$out/"
    printf 'program\t%s\t%s\n' "$name" "$name.xclbin" >>"$out/index.tsv"
    i=0
    grep "^shape$tab$name$tab" shapes.tsv | while IFS=$tab read -r _ _ shape; do
        i=$((i + 1))
        # shellcheck disable=SC2086
        (
            cd "$dir"
            "$python" "$here/designs/$design" --dev "$DEV" --cols "$COLS" $args $shape >shape.mlir
            aiecc.py --no-compile-host --no-xchesscc --no-xbridge --peano "$PEANO_INSTALL_DIR" \
                --aie-generate-npu-insts --npu-insts-name="$name-$i.insts" shape.mlir
        )
        cp "$dir/$name-$i.insts" "$out/"
        printf 'shape\t%s\t%s\t%s\n' "$name" "$name-$i.insts" "$shape" >>"$out/index.tsv"
    done
done
"$python" manifest.py "$DEV" "$COLS" "${tools% }" "$here" "$out"
rm -rf "$out/index.tsv"
echo "xclbin: programs for $DEV, $COLS columns, in $out (checked by the known answer when loaded)"
