"""The GPU job: computes on the one device it was given, by PyTorch or by CUDA's driver alone.

Prints one line of JSON. Ends with 1 if there is no device or the result is wrong.
"""

import ctypes
import importlib
import json
import os
import sys

# c[i] = a[i] * 3 + i, as PTX, which every driver since CUDA 11 takes.
PTX = b"""
.version 6.0
.target sm_50
.address_size 64
.visible .entry compute(.param .u64 p, .param .u32 n) {
  .reg .pred q; .reg .b32 r<6>; .reg .b64 d<4>;
  ld.param.u64 d0, [p];
  ld.param.u32 r0, [n];
  mov.u32 r1, %ctaid.x;
  mov.u32 r2, %ntid.x;
  mov.u32 r3, %tid.x;
  mad.lo.s32 r4, r1, r2, r3;
  setp.ge.u32 q, r4, r0;
  @q bra DONE;
  cvta.to.global.u64 d1, d0;
  mul.wide.u32 d2, r4, 4;
  add.s64 d3, d1, d2;
  ld.global.u32 r5, [d3];
  mad.lo.s32 r5, r5, 3, r4;
  st.global.u32 [d3], r5;
DONE:
  ret;
}
\0"""
COUNT = 1 << 20


def with_torch() -> dict[str, object] | None:
    """Multiply matrices by PyTorch and compare with the CPU's product; None without PyTorch."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    left = torch.randint(0, 8, (512, 512), dtype=torch.float64)
    product = (left.cuda() @ left.cuda()).cpu()
    return {"by": "torch", "device": torch.cuda.get_device_name(0),
            "right": bool(torch.equal(product, left @ left))}  # fmt: skip


def check(code: int, what: str) -> None:
    """End unless the driver said yes."""
    if code:
        sys.exit(f"{what}: CUDA error {code}")


def with_driver() -> dict[str, object]:
    """Run a kernel over a million numbers by the driver's own library."""
    cuda = ctypes.CDLL("libcuda.so.1")
    device, context = ctypes.c_int(), ctypes.c_void_p()
    module, kernel, memory = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint64()
    check(cuda.cuInit(0), "cuInit")
    check(cuda.cuDeviceGet(ctypes.byref(device), 0), "cuDeviceGet")
    name = ctypes.create_string_buffer(100)
    check(cuda.cuDeviceGetName(name, 100, device), "cuDeviceGetName")
    check(cuda.cuCtxCreate_v2(ctypes.byref(context), 0, device), "cuCtxCreate")
    check(cuda.cuModuleLoadData(ctypes.byref(module), PTX), "cuModuleLoadData")
    check(cuda.cuModuleGetFunction(ctypes.byref(kernel), module, b"compute"), "cuModuleGetFunction")
    numbers = (ctypes.c_uint32 * COUNT)(*range(COUNT))
    size = ctypes.c_size_t(ctypes.sizeof(numbers))
    check(cuda.cuMemAlloc_v2(ctypes.byref(memory), size), "cuMemAlloc")
    check(cuda.cuMemcpyHtoD_v2(memory, numbers, size), "cuMemcpyHtoD")
    count = ctypes.c_uint32(COUNT)
    values = (ctypes.c_void_p * 2)(
        ctypes.cast(ctypes.pointer(memory), ctypes.c_void_p),
        ctypes.cast(ctypes.pointer(count), ctypes.c_void_p),
    )
    check(
        cuda.cuLaunchKernel(kernel, COUNT // 256, 1, 1, 256, 1, 1, 0, None, values, None), "launch"
    )
    check(cuda.cuCtxSynchronize(), "cuCtxSynchronize")
    check(cuda.cuMemcpyDtoH_v2(numbers, memory, size), "cuMemcpyDtoH")
    right = all(numbers[i] == 4 * i for i in range(COUNT))
    return {"by": "driver", "device": name.value.decode(), "right": right}


if __name__ == "__main__":
    found = with_torch() or with_driver()
    found["visible"] = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    print(json.dumps(found))
    sys.exit(0 if found["right"] else 1)
