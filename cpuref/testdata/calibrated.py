# Encodes random rows with the simulator's method (kvc.py: z = A(x-mu), code = searchsorted
# of thresholds, reconstruction from tables, inverse) for a small random profile.
import numpy as np, json, sys
from statistics import NormalDist
F=np.float32; r=np.random.default_rng(12)
H,D,T=2,40,16
nd=NormalDist(); th=np.array([2.2*nd.inv_cdf(k/256) for k in range(1,256)],F)
M=r.normal(size=(H,D,D)); C=M@M.transpose(0,2,1)/D+.05*np.eye(D)
U=np.stack([np.linalg.eigh(c)[1][:,::-1] for c in C]); lam=np.stack([np.linalg.eigh(c)[0][::-1] for c in C])
def whole(a,axis):  # whole numbers and their scales
    s=(abs(a).max(axis,keepdims=True)/127).astype(F); return np.rint(a/s).clip(-127,127),s.astype(np.float64)
A,As=whole(U.transpose(0,2,1)/np.sqrt(lam)[...,None],2); I,Is=whole(np.linalg.inv(A*As),1); inv=I*Is
mu=r.normal(size=(H,D)).astype(F)*2
half=D//2; ang=10000.0**(-np.arange(0,D,2)/D); mid=3*T+T//2
far=2048*ang; rot=np.concatenate([np.cos(mid*ang),np.sin(mid*ang),np.cos(far),np.sin(far)]).astype(F)
c,s=np.cos(mid*ang),np.sin(mid*ang)
mt=np.concatenate([mu[:,:half]*c-mu[:,half:]*s,mu[:,half:]*c+mu[:,:half]*s],1)
x=np.stack([r.normal(size=(T,D))@np.linalg.cholesky(C[h]).T+mt[h] for h in range(H)]).astype(np.float16) # [H,T,D]
def turn(a,sign):  # rows to the stretch and back
    u,v=a[...,:half],a[...,half:]; c,s=np.cos(far),sign*np.sin(far); return np.concatenate([u*c-v*s,v*c+u*s],-1)
z=np.einsum('htd,hcd->htc',turn(x.astype(np.float64)-mt[:,None],-1),A*As)
q=np.searchsorted(th.astype(np.float64),z,side='right')
mag=[26,20,62,11,33,59,91]; co=[88.,30.,-21.,55.]
def val(b,q):
    if b==0: return 0.
    if b<=3:
        n=1<<(b-1); m=mag[n-1:2*n-1]; return float(m[q-n]) if q>=n else -float(m[n-1-q])
    t=(2*q+1)/2**b-1; return t*(co[0]+t*t*(co[1]+t*t*(co[2]+t*t*co[3])))
bits=np.clip(np.round(4.5-5*np.arange(D)/D),0,8).astype(int)
v=np.array([[[val(b,int(q[h,t,ch])>>(8-b)) for ch,b in enumerate(bits)] for t in range(T)] for h in range(H)])
rec=turn(np.einsum('htc,hdc->htd',v/32,inv),1)+mt[:,None]
f=lambda a:[float(x) for x in np.asarray(a).reshape(-1)]
json.dump(dict(heads=H,head_dim=D,tokens=T,thresholds=f(th),mean=f(mu),forward=A.astype(int).reshape(-1).tolist(),forward_scales=f(As),inverse=I.astype(int).reshape(-1).tolist(),inverse_scales=f(Is),rotation=f(rot),
  magnitudes=mag,coefficients=co,bits=bits.tolist(),rows=x.transpose(1,0,2).reshape(-1).view(np.uint16).tolist(),
  z=[round(float(a),6) for a in z.transpose(1,0,2).reshape(-1)],codes=q.transpose(1,0,2).reshape(-1).tolist(),
  decoded=[round(float(a),6) for a in rec.transpose(1,0,2).reshape(-1)]),open(sys.argv[1],'w'),separators=(',',':'))
