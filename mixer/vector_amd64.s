#include "textflag.h"

// The functions of vector_amd64.go, 8 samples at a time.

// func sumUpVectors(sum *int32, frame *int16, n int)
TEXT ·sumUpVectors(SB), NOSPLIT, $0-24
	MOVQ sum+0(FP), DI
	MOVQ frame+8(FP), SI
	MOVQ n+16(FP), CX

eight:
	VPMOVSXWD (SI), Y0
	VPADDD    (DI), Y0, Y0
	VMOVDQU   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JG        eight
	VZEROUPPER
	RET

// func mergeVectors(sum, other *int32, n int)
TEXT ·mergeVectors(SB), NOSPLIT, $0-24
	MOVQ sum+0(FP), DI
	MOVQ other+8(FP), SI
	MOVQ n+16(FP), CX

eight:
	VMOVDQU (SI), Y0
	VPADDD  (DI), Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JG      eight
	VZEROUPPER
	RET

// func minusVectors(dst, sum *int32, own *int16, n int)
TEXT ·minusVectors(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ sum+8(FP), SI
	MOVQ own+16(FP), BX
	MOVQ n+24(FP), CX

eight:
	VPMOVSXWD (BX), Y0
	VMOVDQU   (SI), Y1
	VPSUBD    Y0, Y1, Y1
	VMOVDQU   Y1, (DI)
	ADDQ      $16, BX
	ADDQ      $32, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JG        eight
	VZEROUPPER
	RET

// func peakVectors(sum *int32, n int) int32
TEXT ·peakVectors(SB), NOSPLIT, $0-20
	MOVQ  sum+0(FP), SI
	MOVQ  n+8(FP), CX
	VPXOR Y1, Y1, Y1

eight:
	VPABSD  (SI), Y0
	VPMAXSD Y0, Y1, Y1
	ADDQ    $32, SI
	SUBQ    $8, CX
	JG      eight

	VEXTRACTI128 $1, Y1, X0
	VPMAXSD      X0, X1, X1
	VPSHUFD      $0x4E, X1, X0
	VPMAXSD      X0, X1, X1
	VPSHUFD      $0xB1, X1, X0
	VPMAXSD      X0, X1, X1
	VMOVD        X1, AX
	MOVL         AX, ret+16(FP)
	VZEROUPPER
	RET

// func narrowVectors(dst *int16, sum *int32, n int)
TEXT ·narrowVectors(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ sum+8(FP), SI
	MOVQ n+16(FP), CX

eight:
	VMOVDQU   (SI), X0
	VPACKSSDW 16(SI), X0, X0
	VMOVDQU   X0, (DI)
	ADDQ      $32, SI
	ADDQ      $16, DI
	SUBQ      $8, CX
	JG        eight
	VZEROUPPER
	RET

DATA ramp<>+0(SB)/4, $1.0
DATA ramp<>+4(SB)/4, $2.0
DATA ramp<>+8(SB)/4, $3.0
DATA ramp<>+12(SB)/4, $4.0
DATA ramp<>+16(SB)/4, $5.0
DATA ramp<>+20(SB)/4, $6.0
DATA ramp<>+24(SB)/4, $7.0
DATA ramp<>+28(SB)/4, $8.0
GLOBL ramp<>(SB), RODATA|NOPTR, $32

DATA eight<>+0(SB)/4, $8.0
GLOBL eight<>(SB), RODATA|NOPTR, $4

DATA highest<>+0(SB)/4, $32000.0
GLOBL highest<>(SB), RODATA|NOPTR, $4

DATA lowest<>+0(SB)/4, $-32000.0
GLOBL lowest<>(SB), RODATA|NOPTR, $4

// func scaleVectors(dst *int16, sum *int32, n int, gain, step float32)
TEXT ·scaleVectors(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         sum+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS gain+24(FP), Y0
	VBROADCASTSS step+28(FP), Y1
	VBROADCASTSS eight<>(SB), Y2
	VBROADCASTSS highest<>(SB), Y3
	VBROADCASTSS lowest<>(SB), Y4
	VMULPS       Y2, Y1, Y2         // 8 steps
	VMULPS       ramp<>(SB), Y1, Y1
	VADDPS       Y1, Y0, Y0         // gain of each sample

samples:
	VCVTDQ2PS    (SI), Y5
	VMULPS       Y0, Y5, Y5
	VMINPS       Y3, Y5, Y5
	VMAXPS       Y4, Y5, Y5
	VCVTTPS2DQ   Y5, Y5
	VEXTRACTI128 $1, Y5, X6
	VPACKSSDW    X6, X5, X5
	VMOVDQU      X5, (DI)
	VADDPS       Y2, Y0, Y0
	ADDQ         $32, SI
	ADDQ         $16, DI
	SUBQ         $8, CX
	JG           samples
	VZEROUPPER
	RET

// func amplifyVectors(sum *int32, frame *int16, n int, gain, step float32)
TEXT ·amplifyVectors(SB), NOSPLIT, $0-32
	MOVQ         sum+0(FP), DI
	MOVQ         frame+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS gain+24(FP), Y0
	VBROADCASTSS step+28(FP), Y1
	VBROADCASTSS eight<>(SB), Y2
	VMULPS       Y2, Y1, Y2         // 8 steps
	VMULPS       ramp<>(SB), Y1, Y1
	VADDPS       Y1, Y0, Y0         // gain of each sample

samples:
	VPMOVSXWD  (SI), Y5
	VCVTDQ2PS  Y5, Y5
	VMULPS     Y0, Y5, Y5
	VCVTTPS2DQ Y5, Y5
	VMOVDQU    Y5, (DI)
	VADDPS     Y2, Y0, Y0
	ADDQ       $16, SI
	ADDQ       $32, DI
	SUBQ       $8, CX
	JG         samples
	VZEROUPPER
	RET

// func powerVectors(frame *int16, n int) int64
TEXT ·powerVectors(SB), NOSPLIT, $0-24
	MOVQ  frame+0(FP), SI
	MOVQ  n+8(FP), CX
	VPXOR Y2, Y2, Y2

sixteen:
	VMOVDQU      (SI), Y0
	VPMADDWD     Y0, Y0, Y0 // two squares each, up to 2^31: without a sign
	VEXTRACTI128 $1, Y0, X1
	VPMOVZXDQ    X0, Y0
	VPMOVZXDQ    X1, Y1
	VPADDQ       Y0, Y2, Y2
	VPADDQ       Y1, Y2, Y2
	ADDQ         $32, SI
	SUBQ         $16, CX
	JG           sixteen

	VEXTRACTI128 $1, Y2, X0
	VPADDQ       X0, X2, X2
	VPSHUFD      $0x4E, X2, X0
	VPADDQ       X0, X2, X2
	VMOVQ        X2, AX
	MOVQ         AX, ret+16(FP)
	VZEROUPPER
	RET
